/** Look-ups of IAM's resources: its roles and instance profiles are not among what the tagging API lists. */
import { NOTHING, ours, unless, type Find } from "./aws-call";
import { stringInput } from "./lookup";

const NO_ENTITY = ["NoSuchEntityException", "NoSuchEntity"];

const role: Find = async (settings, sought) => {
  const { GetRoleCommand, IAMClient } = await import("@aws-sdk/client-iam");
  const name = stringInput(sought, "name");
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new GetRoleCommand({ RoleName: name })));
  return reply?.Role && ours(reply.Role.Tags, sought) ? [{ id: name, ...(reply.Role.Arn && { arn: reply.Role.Arn }) }] : NOTHING;
};

const policy: Find = async (settings, sought) => {
  const { GetPolicyCommand, IAMClient, paginateListPolicies } = await import("@aws-sdk/client-iam");
  const client = new IAMClient(settings);
  const name = stringInput(sought, "name");
  for await (const page of paginateListPolicies({ client }, { Scope: "Local" })) {
    const arn = page.Policies?.find(({ PolicyName }) => PolicyName === name)?.Arn;
    if (arn === undefined) continue;
    const { Policy: found } = await client.send(new GetPolicyCommand({ PolicyArn: arn }));
    return ours(found?.Tags, sought) ? [{ id: arn, arn }] : NOTHING;
  }
  return NOTHING;
};

const rolePolicy: Find = async (settings, sought) => {
  const { GetRolePolicyCommand, IAMClient } = await import("@aws-sdk/client-iam");
  const [owner, name] = [stringInput(sought, "role"), stringInput(sought, "name")];
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new GetRolePolicyCommand({ RoleName: owner, PolicyName: name })));
  return reply ? [{ id: `${owner}:${name}` }] : NOTHING;
};

const rolePolicyAttachment: Find = async (settings, sought) => {
  const { IAMClient, paginateListAttachedRolePolicies } = await import("@aws-sdk/client-iam");
  const [owner, arn] = [stringInput(sought, "role"), stringInput(sought, "policyArn")];
  const all = async (): Promise<boolean> => {
    for await (const page of paginateListAttachedRolePolicies({ client: new IAMClient(settings) }, { RoleName: owner })) {
      if (page.AttachedPolicies?.some(({ PolicyArn }) => PolicyArn === arn)) return true;
    }
    return false;
  };
  return await unless(NO_ENTITY, all()) ? [{ id: `${owner}/${arn}` }] : NOTHING;
};

const instanceProfile: Find = async (settings, sought) => {
  const { GetInstanceProfileCommand, IAMClient } = await import("@aws-sdk/client-iam");
  const name = stringInput(sought, "name");
  const reply = await unless(NO_ENTITY, new IAMClient(settings).send(new GetInstanceProfileCommand({ InstanceProfileName: name })));
  const profile = reply?.InstanceProfile;
  return profile && ours(profile.Tags, sought) ? [{ id: name, ...(profile.Arn && { arn: profile.Arn }) }] : NOTHING;
};

export const iamLookups: Readonly<Record<string, Find>> = {
  "aws:iam/role:Role": role,
  "aws:iam/policy:Policy": policy,
  "aws:iam/rolePolicy:RolePolicy": rolePolicy,
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": rolePolicyAttachment,
  "aws:iam/instanceProfile:InstanceProfile": instanceProfile,
};
