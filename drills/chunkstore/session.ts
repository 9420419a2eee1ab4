/** The drills' clients: the store's own client, logged in once for all. */
import { createHash } from "node:crypto";
import { ChunkStoreClient, ChunkStoreError } from "../../workloads/chunkstore/client";
import type { ClientFactory, StoreClient } from "./client";

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** All controllers: any of them can log in. */
  readonly endpoints: readonly string[];
}

export interface ClientSession {
  readonly of: ClientFactory;
  close(): Promise<void>;
}

/** Logs in when a token is needed first: what an earlier drill left broken is put back before anything can answer. */
export function clientSession(credentials: Credentials): ClientSession {
  const opened: ChunkStoreClient[] = [];
  const single = new Map<string, StoreClient>();
  let login: Promise<string> | undefined;
  const open = (endpoints: readonly string[], token?: string): ChunkStoreClient => {
    const client = new ChunkStoreClient({ endpoints, ...(token !== undefined && { token }) });
    opened.push(client);
    return client;
  };
  const token = (): Promise<string> => {
    login ??= open(credentials.endpoints).login(credentials.user, credentials.password).then((reply) => reply.token);
    login.catch(() => (login = undefined)); // the next one tries again
    return login;
  };
  return {
    of: (endpoints) => {
      const [only, ...others] = endpoints;
      // Of one controller there is one client; a client of several has a memory of who answered last, so each is a new one.
      const known = only !== undefined && others.length === 0 ? single.get(only) : undefined;
      const client = known ?? lazyClient(endpoints, token, open);
      if (only !== undefined && others.length === 0) single.set(only, client);
      return client;
    },
    close: async () => void (await Promise.all(opened.map((client) => client.close()))),
  };
}

function lazyClient(endpoints: readonly string[], token: () => Promise<string>, open: (endpoints: readonly string[], token?: string) => ChunkStoreClient): StoreClient {
  let ready: Promise<ChunkStoreClient> | undefined;
  const anonymous = open(endpoints);
  const authorized = <T>(work: (client: ChunkStoreClient) => Promise<T>): Promise<T> => told(async () => {
    ready ??= token().then((text) => open(endpoints, text));
    ready.catch(() => (ready = undefined));
    return work(await ready);
  });
  return {
    list: (signal) => authorized((client) => client.list([], { signal })),
    upload: (file, name, signal, onProgress) => authorized(async (client) => void (await client.upload(file, { name, signal, ...(onProgress && { onProgress }) }))),
    read: (name, signal) => authorized(async (client) => {
      const hash = createHash("sha256");
      for await (const piece of (await client.open(name, { signal })).pieces()) hash.update(piece);
      return hash.digest("hex");
    }),
    remove: (name, signal) => authorized(async (client) => {
      try {
        await client.delete(name, { signal });
      } catch (error) {
        if (!(error instanceof ChunkStoreError) || error.code !== "file-not-found") throw error;
      }
    }),
    locations: (name, signal) => authorized((client) => client.locations(name, { signal })),
    cluster: (signal) => authorized((client) => client.cluster({ signal })),
    health: (signal) => told(() => anonymous.health({ signal })),
  };
}

/** What the controllers said, with the error that sums it up. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ChunkStoreError)) throw error;
    const more = (error.options.details ?? []).filter((detail) => !detail.includes(error.message));
    throw new Error([`${error.message} [${error.code}]`, ...new Set(more)].join("; "), { cause: error.cause });
  }
}
