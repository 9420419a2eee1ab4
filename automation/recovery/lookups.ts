/** The look-ups of all packages as one. */
import { awsLookup, type AwsAccess } from "./aws";
import { dockerLookup, type DockerAccess } from "./docker";
import type { Lookup } from "./lookup";

/** How recovery reaches the services of a target. */
export interface ServiceAccess { readonly aws: AwsAccess; readonly docker: DockerAccess }

export function allLookups(access: ServiceAccess): Lookup {
  const aws = awsLookup(access.aws);
  const docker = dockerLookup(access.docker);
  const of = ({ type }: { readonly type: string }): Lookup => (type.startsWith("docker:") ? docker : aws);
  return {
    handles: (sought) => of(sought).handles(sought),
    find: (sought) => of(sought).find(sought),
    settled: (sought, found) => of(sought).settled(sought, found),
  };
}
