/** A local Aerospike Cloud in this process: the real server and core, in memory, at a time scale that makes minutes pass in milliseconds. */
import type { FastifyInstance } from "fastify";
import { aerospikeService } from "../../../local/aerospike/index";
import { localKeys } from "../../../local/aerospike/tokens";
import { openCloud, type Cloud } from "../../../local/core/cloud";
import { noContainers, noFunctions } from "../../support/chain";
import { scratch } from "./scratch";

export const CREATE = {
  name: "demo",
  infrastructure: { provider: "aws", instanceType: "i4i.large", region: "us-east-1", availabilityZoneCount: 2, cidrBlock: "10.128.0.0/19" },
  aerospikeCloud: { clusterSize: 2, dataStorage: "memory" },
  aerospikeServer: { namespaces: [{ name: "test" }] },
};

export interface Answer { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Record<string, unknown> }

export class World {
  readonly cloud: Cloud;
  readonly app: FastifyInstance;
  /** Logs in again when the token has expired, which at this time scale is soon. */
  renews = true;
  #token = "";

  constructor(timeScale = 100_000) {
    this.cloud = openCloud({
      dir: scratch(), packages: [], services: [aerospikeService], runtime: noContainers(), functions: noFunctions(), endpointUrl: "http://127.0.0.1:1",
      log: { info: () => undefined, warn: () => undefined }, timeScale, seed: "test",
    });
    this.app = aerospikeService.serve(this.cloud, "secret of a test");
  }

  async login(which: "full" | "readOnly" = "full"): Promise<Answer> {
    const { id, secret } = localKeys("secret of a test")[which];
    const answer = await this.send("POST", "/oauth/token", { grant_type: "client_credentials", client_id: id, client_secret: secret });
    this.#token = String(answer.body["access_token"]);
    return answer;
  }

  async send(method: "GET" | "POST" | "PATCH" | "DELETE", url: string, payload?: object): Promise<Answer> {
    const reply = await this.app.inject({
      method, url, headers: { authorization: `Bearer ${this.#token}`, ...(payload && { "content-type": "application/json" }) }, ...(payload && { payload: JSON.stringify(payload) }),
    });
    if (reply.statusCode === 401 && this.renews && url !== "/oauth/token") {
      await this.login();
      return this.send(method, url, payload);
    }
    return { status: reply.statusCode, body: reply.body === "" ? {} : (JSON.parse(reply.body) as Record<string, unknown>), headers: reply.headers };
  }

  /** Asks until the answer is as wanted; a test's own time limit ends what never comes. */
  async until(url: string, wanted: (body: Record<string, unknown>) => boolean): Promise<Answer> {
    for (;;) {
      const answer = await this.send("GET", url);
      if (wanted(answer.body)) return answer;
      await this.cloud.context.clock.sleep(5);
    }
  }

  async close(): Promise<void> {
    await this.app.close();
    this.cloud.shutdown();
    this.cloud.close();
  }
}
