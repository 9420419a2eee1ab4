import { fastify } from "fastify";
import { describe, expect, it } from "vitest";
import { networkRoutes } from "../../../local/control/network";
import type { Link } from "../../../local/runtime/port";
import { LinkTable } from "../../../local/runtime/links";
import { networkStatusSchema, type SetLink } from "../../../local/protocol";
import { noContainers } from "../../support/chain";

/** Two controllers on a network, and one container on none. */
function server(): { table: LinkTable; app: ReturnType<typeof fastify> } {
  const table = new LinkTable();
  const networks = { "controller-1": [{ name: "dfs", aliases: ["controller"] }, { name: "ads", aliases: [] }], "controller-2": [{ name: "dfs", aliases: [] }], alone: [] };
  const containers = Object.keys(networks).map((id, index) => ({
    spec: { id, image: "x", environment: {}, networks: [], restart: "no" as const, labels: {} }, status: "running" as const, health: "none" as const, address: `127.64.0.${index}`, restarts: 0, logFile: "",
  }));
  const app = fastify();
  networkRoutes(app, {
    ...noContainers(), list: () => containers, get: (id) => containers.find(({ spec }) => spec.id === id), networksOf: (id) => networks[id as keyof typeof networks],
    setLink: (from, to, link: Link) => table.set({ from, to, link }), links: () => table.list(),
  });
  return { table, app };
}
const set = (app: ReturnType<typeof fastify>, link: SetLink) => app.inject({ method: "PUT", url: "/network/link", payload: link });

describe("the control API's network", () => {
  it("lists networks by name with their members, and links that aren't open", async () => {
    const { app } = server();
    expect((await set(app, { from: "controller-1", to: "alone", link: { kind: "cut" } })).statusCode).toBe(200);
    const status = networkStatusSchema.parse((await app.inject("/network")).json());
    expect(status.networks.map(({ name, members }) => [name, members.map(({ id }) => id)])).toEqual([["ads", ["controller-1"]], ["dfs", ["controller-1", "controller-2"]]]);
    expect(status.networks[1]?.members[0]).toEqual({ id: "controller-1", address: "127.64.0.0", status: "running", aliases: ["controller"] });
    expect(status.links).toEqual([{ from: "controller-1", to: "alone", link: { kind: "cut" } }]);
  });

  it("heals between two, both ways, or everything", async () => {
    const { app, table } = server();
    const links: SetLink[] = [{ from: "controller-1", to: "controller-2", link: { kind: "cut" } }, { from: "controller-2", to: "controller-1", link: { kind: "slow", delayMs: 9 } }, { from: "alone", to: "controller-1", link: { kind: "cut" } }];
    for (const link of links) await set(app, link);
    const heal = (payload: object) => app.inject({ method: "POST", url: "/network/heal", payload });
    expect((await heal({ between: ["controller-2", "controller-1"] })).json()).toEqual({ healed: links.slice(0, 2) });
    expect(table.list()).toEqual(links.slice(2));
    expect((await heal({})).json()).toEqual({ healed: links.slice(2) });
    expect(table.list()).toEqual([]);
  });

  it("names the container that was probably meant", async () => {
    const { app } = server();
    const answer = await set(app, { from: "controler-1", to: "alone", link: { kind: "cut" } });
    expect(answer.json()).toMatchObject({ message: 'no such container; got "controler-1"; expected one of controller-1, controller-2, alone', code: "container-unknown" });
    const itself = await set(app, { from: "alone", to: "alone", link: { kind: "cut" } });
    expect(itself.json()).toMatchObject({ message: expect.stringContaining("a container always reaches itself; got alone twice") });
  });

  it("takes the start of an id, and a name that one container alone answers to", async () => {
    const { app, table } = server();
    expect((await set(app, { from: "al", to: "controller", link: { kind: "cut" } })).statusCode).toBe(200);
    expect(table.list()).toEqual([{ from: "alone", to: "controller-1", link: { kind: "cut" } }]);
    expect((await set(app, { from: "controller-", to: "alone", link: { kind: "cut" } })).json())
      .toMatchObject({ code: "container-ambiguous", message: 'several containers are meant; got "controller-"; expected one of controller-1, controller-2' });
  });

  it.each([{ kind: "slow", delayMs: -1 }, { kind: "slow", delayMs: 60_001 }, { kind: "slow" }, { kind: "half" }])("refuses the link %j", async (link) => {
    const { app, table } = server();
    expect((await set(app, { from: "controller-1", to: "alone", link: link as Link })).statusCode).not.toBe(200);
    expect(table.list()).toEqual([]);
  });
});
