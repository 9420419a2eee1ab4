/** TLS between nodes on the cluster's pre-shared key: both sides prove that they hold it, and no certificate or clock takes part. */
import { constants, hkdfSync } from "node:crypto";
import type { CipherKey } from "node:crypto";

/** A suite of TLS 1.2, because Node's `pskCallback` doesn't work with 1.3; ephemeral Diffie-Hellman keeps past traffic safe when the key leaks. */
const CIPHERS = "DHE-PSK-AES256-GCM-SHA384";

/** Smallest key, in bytes: what HKDF-SHA256 gives is no stronger than what it gets. */
export const MIN_KEY_BYTES = 32;

const SALT = "stackfleet chunkstore";
/** Raised when the suite or the derivation changes, so that nodes of two versions fail at the handshake and not later. */
const VERSION = 1;

/** Time that a handshake may take, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

interface Common {
  readonly ciphers: string;
  readonly minVersion: "TLSv1.2";
  readonly maxVersion: "TLSv1.2";
}

/** Options for `https.createServer`. */
export interface ServerTls extends Common {
  readonly dhparam: "auto";
  readonly secureOptions: number;
  readonly handshakeTimeout: number;
  readonly pskCallback: (socket: unknown, identity: string) => DataView | NodeJS.TypedArray | null;
}

/** Options for `tls.connect`, and for `connect` of undici's `Agent`. */
export interface ClientTls extends Common {
  readonly checkServerIdentity: () => undefined;
  readonly pskCallback: () => { psk: NodeJS.TypedArray; identity: string };
}

export interface NodeTls {
  readonly server: ServerTls;
  readonly client: ClientTls;
}

/**
 * TLS options of a cluster's nodes.
 * @param key the cluster's key, at least {@link MIN_KEY_BYTES}
 * @throws {RangeError} when the key is shorter
 */
export function nodeTls(key: Buffer): NodeTls {
  if (key.length < MIN_KEY_BYTES) throw new RangeError(`cluster key: got ${key.length} bytes; expected at least ${MIN_KEY_BYTES}`);
  const psk = derive(key, "node traffic key");
  // Sent in the clear. A one-way function of the key: it tells clusters apart and nothing else.
  const identity = derive(key, "node traffic identity").toString("hex");
  const common: Common = { ciphers: CIPHERS, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" };
  return {
    server: {
      ...common, dhparam: "auto", handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      // Every connection proves the key anew; a ticket would stand for it.
      secureOptions: constants.SSL_OP_NO_TICKET,
      pskCallback: (_socket, given) => (given === identity ? psk : null),
    },
    // The server has proved that it holds the key, and it has no certificate whose name could be compared.
    client: { ...common, checkServerIdentity: () => undefined, pskCallback: () => ({ psk, identity }) },
  };
}

function derive(key: CipherKey, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, SALT, `${purpose} ${VERSION}`, 32));
}
