import { startNginx } from "./nginx.ts";
import { type Place, startProgram } from "./program.ts";
import type { Server, ServerOptions } from "./server.ts";

/** HAProxy before an nginx with its defaults. `settings` are lines of its section `frontend`, or of `global` if they tune. */
export async function startHaproxy(options: ServerOptions): Promise<Server> {
  const backend = await startNginx({ protocol: "http/1.1" });
  const proxy = await startProgram(options, (place) => ({
    // In master and worker mode it binds before it forks, and takes its worker along when it ends.
    command: ["haproxy", "-W", "-f", `${place.folder}/haproxy.cfg`],
    files: {
      "haproxy.cfg": configuration(place, new URL(backend.origin).host, options),
      ...(options.certificate && { "both.pem": `${options.certificate.cert}\n${options.certificate.key}` }),
    },
  })).catch(async (error: unknown) => {
    await backend.close();
    throw error;
  });
  return {
    ...proxy,
    close: async () => {
      await proxy.close();
      await backend.close();
    },
  };
}

/**
 * The timeouts are those of Debian's own haproxy.cfg: without any it would warn and wait for ever. One thread, because several
 * that write to stdout at a time leave out lines (haproxy issue 1861), and the log has to be complete.
 */
function configuration(
  { folder, port }: Place,
  backend: string,
  { protocol, certificate, settings = [] }: ServerOptions,
): string {
  const tls = `ssl crt ${folder}/both.pem alpn h2,http/1.1`;
  const tunes = (line: string): boolean => line.startsWith("tune.");
  return `
global
  nbthread 1
  log stdout format raw local0
  ${settings.filter(tunes).join("\n  ")}
defaults
  mode http
  log global
  timeout connect 5000
  timeout client 50000
  timeout server 50000
frontend clients
  bind 127.0.0.1:${port} ${certificate ? tls : `proto ${protocol === "h2" ? "h2" : "h1"}`}
  option dontlognull
  http-request capture req.hdr(x-request-id) len 40
  log-format '{"connection":"%cp","id":"%[capture.req.hdr(0)]"}'
  ${settings.filter((line) => !tunes(line)).join("\n  ")}
  default_backend nginx
backend nginx
  server nginx ${backend}
`;
}
