/** Routes of the Engine API about networks. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { CloudContext } from "../../model";
import { engineOf } from "../engine/index";
import type { NetworkView } from "../engine/networks";
import { notModelled } from "../errors";
import { macAddress } from "../resources/containerOutputs";
import { endpointId } from "./containerJson";
import { containsName, matchesAny, matchesLabels, parse, parseFilters, type Filters } from "./query";

const FILE = "local/docker/api/networks.ts";
const FILTERS = ["name", "id", "driver", "scope", "label", "type", "dangling"];
const params = z.object({ id: z.string() });
const listQuery = z.object({ filters: z.string().optional() });
const createBody = z.object({
  Name: z.string(), Driver: z.string().default(""), Attachable: z.boolean().default(false), Internal: z.boolean().default(false), Ingress: z.boolean().default(false),
  EnableIPv6: z.boolean().nullish(), Labels: z.record(z.string(), z.string()).nullish(), Options: z.record(z.string(), z.string()).nullish(),
  IPAM: z.object({ Config: z.array(z.unknown()).nullish() }).nullish(),
});
const connectBody = z.object({ Container: z.string(), EndpointConfig: z.object({ Aliases: z.array(z.string()).nullish(), IPAMConfig: z.unknown().optional() }).nullish() });
const disconnectBody = z.object({ Container: z.string(), Force: z.boolean().optional() });

export function networkRoutes(app: FastifyInstance, cloud: CloudContext): void {
  const { containers, networks } = engineOf(cloud);
  const of = (request: { readonly params: unknown }): NetworkView => networks.get(parse(params, request.params).id);

  app.get("/networks", (request) => {
    const filters = parseFilters(parse(listQuery, request.query).filters, FILTERS);
    return networks.list().filter((network) => matches(network, filters, cloud)).map((network) => networkJson(network, {}));
  });
  app.get("/networks/:id", (request) => {
    const network = of(request);
    const members = containers.membersOf(network.name).filter(({ running }) => running);
    return networkJson(network, Object.fromEntries(members.map((member) => [member.id, {
      Name: member.name, EndpointID: endpointId(member, network.name), MacAddress: macAddress(member), IPv4Address: `${member.state?.address ?? ""}/10`, IPv6Address: "",
    }])));
  });
  app.post("/networks/create", (request, reply) => {
    const body = parse(createBody, request.body);
    const driver = body.Driver === "" ? "bridge" : body.Driver;
    if (driver !== "bridge" && driver !== "overlay") throw notModelled(`the network driver "${driver}"`, FILE);
    if (body.Ingress || body.EnableIPv6 === true || (body.IPAM?.Config ?? []).length > 0) throw notModelled("a network with an address range of its own, IPv6 or a routing mesh", FILE);
    const { id } = networks.create({ name: body.Name, driver, attachable: body.Attachable, internal: body.Internal, labels: body.Labels ?? {}, options: body.Options ?? {} });
    return reply.code(201).send({ Id: id, Warning: "" });
  });
  app.delete("/networks/:id", (request, reply) => {
    networks.remove(of(request));
    return reply.code(204).send();
  });
  app.post("/networks/:id/connect", (request, reply) => {
    const { Container: reference, EndpointConfig: endpoint } = parse(connectBody, request.body);
    const network = of(request);
    const container = containers.get(reference);
    networks.requireAttachable(network);
    containers.connect(container, network, endpoint?.Aliases ?? []);
    return reply.code(200).send();
  });
  app.post("/networks/:id/disconnect", (request, reply) => {
    const { Container: reference } = parse(disconnectBody, request.body);
    containers.disconnect(containers.get(reference), of(request));
    return reply.code(200).send();
  });
}

function matches(network: NetworkView, filters: Filters, cloud: CloudContext): boolean {
  const used = () => engineOf(cloud).containers.membersOf(network.name).length > 0;
  return matchesAny(filters["name"], containsName(network.name))
    && matchesAny(filters["id"], (id) => network.id.startsWith(id))
    && matchesAny(filters["driver"], (driver) => network.driver === driver)
    && matchesAny(filters["scope"], (scope) => network.scope === scope)
    && matchesAny(filters["type"], (type) => (type === "builtin") === network.predefined)
    && matchesAny(filters["dangling"], (dangling) => ["1", "true"].includes(dangling) === (!network.predefined && !used()))
    && matchesLabels(network.labels, filters["label"]);
}

function networkJson(network: NetworkView, members: Readonly<Record<string, object>>): object {
  return {
    Name: network.name, Id: network.id, Created: network.createdAt, Scope: network.scope, Driver: network.driver, EnableIPv4: true, EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: network.ipam.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })) },
    Internal: network.internal, Attachable: network.attachable, Ingress: network.ingress, ConfigFrom: { Network: "" }, ConfigOnly: false,
    Containers: members, Options: network.options, Labels: network.labels,
  };
}
