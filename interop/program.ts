import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LogEntry, Server, ServerOptions } from "./server.ts";

/** Where a server listens on 127.0.0.1, and the folder that is all it writes to. */
export interface Place {
  readonly folder: string;
  readonly port: number;
}

/** How a server is started there. */
export interface Program {
  /** Stays in the foreground. What it writes to stdout is added to its log. */
  readonly command: readonly [name: string, ...args: string[]];
  /** By path in the folder. `key.pem` and `cert.pem` are there already if there is a certificate. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A request out of the lines of `access.log`; undefined for a line that tells of none. */
export type ParseLine = (line: string) => LogEntry | undefined;

const maxStarts = 5;
const nobody = 65_534;

/**
 * Starts a program on a free port, as nobody if we are root, with all its files in a temporary folder: its log is
 * `access.log`, its errors `error.log`. The caller closes it; it ends with this process at the latest.
 *
 * @throws Error with what the program said, if it does not start.
 */
export async function startProgram(
  { certificate }: ServerOptions,
  programAt: (place: Place) => Program,
  parseLine: ParseLine = (line) => JSON.parse(line) as LogEntry,
): Promise<Server> {
  for (let start = 1; ; start++) {
    const place = { port: await freePort(), folder: await mkdtemp(join(tmpdir(), "holdfast-interop-")) };
    const { command, files } = programAt(place);
    const pem = certificate && { "key.pem": certificate.key, "cert.pem": certificate.cert };
    await writeFiles(place.folder, { ...pem, ...files });
    const child = await launch(place.folder, command);
    if (await listening(child, place.port)) {
      return running(child, place.folder, `http${certificate ? "s" : ""}://127.0.0.1:${place.port}`, parseLine);
    }
    const said = await readFile(join(place.folder, "error.log"), "utf8");
    await rm(place.folder, { recursive: true, force: true });
    // Somebody else took the port between our look and the program's.
    if (!/address already in use/i.test(said) || start === maxStarts)
      throw new Error(`${command[0]} did not start:\n${said}`);
  }
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** With setpriv (util-linux) the program ends also when this process is killed. */
async function launch(folder: string, command: readonly string[]): Promise<ChildProcess> {
  const privileges = ["--pdeathsig", "TERM"];
  const log = await open(join(folder, "access.log"), "a");
  const errors = await open(join(folder, "error.log"), "a");
  if (process.getuid?.() === 0) {
    privileges.push("--reuid", `${nobody}`, "--regid", `${nobody}`, "--clear-groups");
    await chown(folder, nobody, nobody);
    await log.chown(nobody, nobody);
    await errors.chown(nobody, nobody);
  }
  const child = spawn("setpriv", [...privileges, ...command], {
    env: {
      PATH: `${process.env["PATH"] ?? ""}:/usr/sbin`,
      HOME: folder,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
    },
    stdio: ["ignore", log.fd, errors.fd],
  });
  await once(child, "spawn");
  await Promise.all([log.close(), errors.close()]);
  return child;
}

/** False if it ended before it listened. */
async function listening(child: ChildProcess, port: number): Promise<boolean> {
  while (isRunning(child)) {
    if (await answersAt(port)) return true;
    await pause(10);
  }
  return false;
}

function answersAt(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function running(child: ChildProcess, folder: string, origin: string, parseLine: ParseLine): Server {
  const path = join(folder, "access.log");
  let wholeLog: string | undefined;
  let closed: Promise<void> | undefined;

  const close = async (): Promise<void> => {
    if (isRunning(child)) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    }
    wholeLog = await readFile(path, "utf8");
    await rm(folder, { recursive: true, force: true });
  };

  return {
    origin,
    log: async () => parseLog(wholeLog ?? (await readFile(path, "utf8")), parseLine),
    close: () => (closed ??= close()),
  };
}

/** Complete lines only: the last may still be written. */
function parseLog(log: string, parseLine: ParseLine): readonly LogEntry[] {
  const lines = log.slice(0, log.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line) => (line === "" ? [] : (parseLine(line) ?? [])));
}

/** Below the ports that the system gives to clients, so that no connection of ours can take it meanwhile. */
let lastPort = 10_000 + (process.pid % 200) * 100;
async function freePort(): Promise<number> {
  for (;;) {
    const port = ++lastPort;
    const server = createServer().listen(port, "127.0.0.1");
    const free = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
