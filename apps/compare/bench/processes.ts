import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** A module of this folder in a process of its own. It ends when it is let go. */
export interface Child<Answer> {
  /** Sends a question and waits for the answer; undefined waits for what it says by itself. */
  ask(question?: string): Promise<Answer>;
  /** Resolves when it has ended by itself. Rejects if it ended badly. */
  ended(): Promise<void>;
}

export function startChild<Answer>(module: string, argument: object = {}): Child<Answer> {
  const url = new URL(module, import.meta.url);
  const child: ChildProcess = fork(url, [JSON.stringify(argument)], { execArgv: process.execArgv });
  const exited = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
  const broken = exited.then(([code, signal]): never => {
    throw new Error(`${module} ended with ${String(code ?? signal)}`);
  });
  broken.catch(() => undefined);
  return {
    ask: async (question) => {
      const answer = once(child, "message");
      if (question !== undefined) child.send(question);
      const [message] = (await Promise.race([answer, broken])) as [Answer];
      return message;
    },
    ended: async () => {
      if (child.connected) child.disconnect();
      const [code] = await exited;
      if (code !== 0) await broken;
    },
  };
}
