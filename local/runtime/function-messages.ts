/** What the function runtime and a function's process say to each other over the IPC channel. */

/** A handler's error in Lambda's form. */
export interface FunctionFault {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export type ToBootstrap = {
  readonly type: "invoke";
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  /** Milliseconds since the epoch at which the invocation is cut off. */
  readonly deadline: number;
  readonly functionArn: string;
};

export type FromBootstrap =
  | { readonly type: "ready" }
  | { readonly type: "result"; readonly requestId: string; readonly payload: string }
  | { readonly type: "fault"; readonly requestId: string; readonly fault: FunctionFault }
  /** The code can't be loaded, or something threw outside of the handler's reach; the process ends. */
  | { readonly type: "crash"; readonly fault: FunctionFault };
