/** The IAM models. */
import { policy, rolePolicy, rolePolicyAttachment } from "./policies";
import { instanceProfile, role } from "./role";

export const iamModels = [role, rolePolicy, policy, rolePolicyAttachment, instanceProfile];
