// The types of index.js, which wasm-bindgen generates when the Worker is built. Only entry.js imports it.

export function fetch(
  request: Request,
  body: Uint8Array | undefined,
  env: unknown,
): Response | Promise<Response>;
export function bodyLimit(): number;
export function internalError(): Response;

export interface Engine {
  call(text: string): string | Promise<string>;
  alarm(): void | Promise<void>;
}
export type EngineClass = new (state: DurableObjectState, env: unknown) => Engine;
/** The engine of a call or a run, which also has sockets. */
export interface SocketEngine extends Engine {
  upgrade(request: Request): Response | Promise<Response>;
  socketMessage(socket: WebSocket, text: string): void | Promise<void>;
  socketClosed(socket: WebSocket): void | Promise<void>;
}
export type SocketEngineClass = new (state: DurableObjectState, env: unknown) => SocketEngine;
export const BudgetEngine: EngineClass;
export const CallEngine: SocketEngineClass;
export const CallerEngine: EngineClass;
export const ThreadEngine: EngineClass;
export const AdminLockoutEngine: EngineClass;
export const RunEngine: SocketEngineClass;
export const BatchEngine: EngineClass;
export const BatchListEngine: EngineClass;

// Whether the instance has panicked, and its number.
export function __worker_init_state(): { criticalError: boolean; instanceId: number };
export function __wbg_reset_state(): void;

declare global {
  interface ErrorConstructor {
    stackTraceLimit: number;
  }
}
