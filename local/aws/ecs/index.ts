/** The ECS models. */
import { service } from "./service";
import { cluster, taskDefinition } from "./taskDefinition";

export const ecsModels = [cluster, taskDefinition, service];
