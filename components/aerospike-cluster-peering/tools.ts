/** Installs the Aerospike tools on a client. Pure text. */

/** Source: the vendor's download site. */
const DOWNLOADS = "https://download.aerospike.com/artifacts/aerospike-tools";

/**
 * A script for Amazon Linux 2023 that leaves a client with `asadm` and `aql` of this version; a second run changes nothing.
 * @param version three numbers: it becomes part of the script
 * @param sha256 hex digits
 */
export function toolsCommands(version: string, sha256: string | undefined): string {
  const archive = `aerospike-tools_${version}_amzn2023_x86_64.tgz`;
  return [
    "set -eu",
    `rpm -q aerospike-tools 2>/dev/null | grep -q -F -- '-${version}-' && exit 0`,
    'cd "$(mktemp -d)"',
    `curl -fsSL --retry 5 -o '${archive}' '${DOWNLOADS}/${version}/${archive}'`,
    ...(sha256 === undefined ? [] : [`echo '${sha256}  ${archive}' | sha256sum -c -`]),
    `tar -xzf '${archive}' --strip-components=1`,
    "./asinstall",
    "asadm --version",
  ].join("\n");
}
