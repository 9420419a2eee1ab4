/** The control API's part for networks and links between containers. */
import type { FastifyInstance } from "fastify";
import { LocalCloudError } from "../errors";
import { healSchema, setLinkSchema, type NetworkStatus, type SetLink } from "../protocol";
import type { ContainerRuntime } from "../runtime/port";
import { knownContainer } from "./containers";

export function networkRoutes(app: FastifyInstance, runtime: ContainerRuntime): void {
  app.get("/network", (): NetworkStatus => ({ networks: networksOf(runtime), links: linksOf(runtime) }));
  app.put("/network/link", (request) => {
    const { from, to, link } = setLinkSchema.parse(request.body);
    const [sender, receiver] = [knownContainer(runtime, from), knownContainer(runtime, to)];
    if (sender === receiver) throw new LocalCloudError("link-invalid", `a container always reaches itself; got ${sender} twice; expected two containers`, "name another one");
    runtime.setLink(sender, receiver, link);
    return {};
  });
  app.post("/network/heal", (request) => {
    const { between } = healSchema.parse(request.body);
    const ends = between?.map((id) => knownContainer(runtime, id));
    const healed = linksOf(runtime).filter(({ from, to }) => ends === undefined || (ends.includes(from) && ends.includes(to)));
    for (const { from, to } of healed) runtime.setLink(from, to, { kind: "open" });
    return { healed };
  });
}

function networksOf(runtime: ContainerRuntime): NetworkStatus["networks"] {
  const networks = new Map<string, NetworkStatus["networks"][number]["members"]>();
  for (const { spec: { id }, address, status } of runtime.list()) {
    for (const { name, aliases } of runtime.networksOf(id)) networks.set(name, [...(networks.get(name) ?? []), { id, address, status, aliases: [...aliases] }]);
  }
  return [...networks].map(([name, members]) => ({ name, members })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function linksOf(runtime: ContainerRuntime): SetLink[] {
  return runtime.links().map(({ from, to, link }) => ({ from, to, link }));
}
