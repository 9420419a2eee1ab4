/** The Docker Engine API as the daemon serves it. */
import type { SocketService } from "../daemon";
import { dockerApi } from "./api/index";

export const dockerService: SocketService = {
  name: "docker",
  serve: (cloud) => dockerApi(cloud.context),
  environment: (socket) => ({
    DOCKER_HOST: `unix://${socket}`,
    // These two would lead the docker command to another engine.
    DOCKER_CONTEXT: "",
    DOCKER_TLS_VERIFY: "",
  }),
};
