/** STS: who the caller is. */
import { globalArn } from "../arn";
import { queryService } from "./xml";

export const stsApi = queryService("sts", "local/aws/api/sts.ts", "https://sts.amazonaws.com/doc/2011-06-15/", "aws", {
  GetCallerIdentity: (_parameters, _cloud, place) => ({
    Arn: globalArn(place, "iam", "user/local-cloud"),
    UserId: "AIDALOCALCLOUD0000000",
    Account: place.account,
  }),
});
