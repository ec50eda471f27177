import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface NginxOptions {
  /** Put into the `server` block, as `keepalive_requests 100;`. `location /` exists: it answers 200 to any method. */
  readonly directives?: string;
  /** In PEM. With it HTTP/2 and HTTP/1.1 are spoken over TLS, without it HTTP/1.1 in plain. */
  readonly certificate?: { readonly key: string; readonly cert: string };
}

/** One request as nginx saw it. */
export interface LogLine {
  /** nginx's number of the connection. */
  readonly connection: number;
  /** Requests on this connection so far, this one included. */
  readonly connectionRequests: number;
  /** The request's `x-request-id`, or "". */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface Nginx {
  /** Without a slash at the end. */
  readonly url: string;
  /** Requests in the order of their end. A request is logged after its answer went out, so the log is whole only after `stop()`. */
  accessLog(): Promise<readonly LogLine[]>;
  /** Ends nginx and removes its files. Twice is fine. */
  stop(): Promise<void>;
}

const maxStarts = 5;
const logFormat =
  '{"connection":$connection,"connectionRequests":$connection_requests,"id":"$http_x_request_id",' +
  '"method":"$request_method","path":"$request_uri","status":$status}';

/**
 * Starts an nginx of its own: a free port on 127.0.0.1, its files in a temporary folder, one worker. The caller stops it; it
 * ends with this process at the latest.
 *
 * @throws Error with what nginx said, if it does not start.
 */
export async function startNginx(options: NginxOptions = {}): Promise<Nginx> {
  const { certificate } = options;
  for (let start = 1; ; start++) {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), "holdfast-nginx-"));
    const config = join(folder, "nginx.conf");
    if (certificate !== undefined) {
      await writeFile(join(folder, "key.pem"), certificate.key);
      await writeFile(join(folder, "cert.pem"), certificate.cert);
    }
    await writeFile(config, configuration(folder, port, options));
    // With setpriv (util-linux) nginx ends also when this process is killed.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", "nginx", "-p", folder, "-c", config, "-e", "stderr"], {
      env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const refusal = await untilListening(child);
    const scheme = certificate === undefined ? "http" : "https";
    if (refusal === undefined) return running(child, folder, `${scheme}://127.0.0.1:${port}`);
    await rm(folder, { recursive: true, force: true });
    // Somebody else took the port between our look and nginx's.
    if (!refusal.includes("Address already in use") || start === maxStarts)
      throw new Error(`nginx did not start:\n${refusal}`);
  }
}

function running(child: ChildProcess, folder: string, url: string): Nginx {
  const path = join(folder, "access.log");
  let wholeLog: string | undefined;
  let stopped: Promise<void> | undefined;

  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    }
    wholeLog = await readFile(path, "utf8");
    await rm(folder, { recursive: true, force: true });
  };

  return {
    url,
    accessLog: async () => parseLog(wholeLog ?? (await readFile(path, "utf8"))),
    stop: () => (stopped ??= stop()),
  };
}

/** Complete lines only: the last may still be written. */
function parseLog(log: string): readonly LogLine[] {
  const lines = log.slice(0, log.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as LogLine);
}

/** What nginx said if it ended, nothing as soon as it listens: it starts its worker after it has bound its sockets. */
async function untilListening(child: ChildProcess): Promise<string | undefined> {
  const failed = once(child, "exit").then(
    () => "it ended",
    (error: unknown) => String(error),
  );
  const said: string[] = [];
  const listening = new Promise<undefined>((resolve) => {
    createInterface({ input: child.stderr! }).on("line", (line) => {
      said.push(line);
      if (line.includes("start worker process ")) resolve(undefined);
    });
  });
  const reason = await Promise.race([listening, failed]);
  return reason === undefined ? undefined : [...said, reason].join("\n");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function configuration(folder: string, port: number, { certificate, directives = "" }: NginxOptions): string {
  const root = process.getuid?.() === 0;
  const tls = `ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`;
  return `
daemon off;
${root ? "user root root;" : ""}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  log_format holdfast escape=json '${logFormat}';
  access_log ${folder}/access.log holdfast;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port}${certificate === undefined ? "" : " ssl http2"};
    ${certificate === undefined ? "" : tls}
    ${directives}
    location / { return 200 "$request_method $request_uri\\n"; }
  }
}
`;
}
