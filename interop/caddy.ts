import { type Place, startProgram } from "./program.ts";
import type { Server, ServerOptions } from "./server.ts";

interface CaddyLine {
  readonly request: { readonly remote_port: string; readonly headers: Readonly<Record<string, readonly string[]>> };
}

/** Caddy. `settings` are those of its global option `servers`. */
export function startCaddy(options: ServerOptions): Promise<Server> {
  return startProgram(
    options,
    (place) => ({
      command: ["caddy", "run", "--config", `${place.folder}/Caddyfile`, "--adapter", "caddyfile"],
      files: { Caddyfile: configuration(place, options) },
    }),
    (line) => {
      const { request } = JSON.parse(line) as CaddyLine;
      return { connection: request.remote_port, id: request.headers["X-Request-Id"]?.[0] ?? "" };
    },
  );
}

function configuration({ folder, port }: Place, { certificate, settings = [] }: ServerOptions): string {
  return `
{
  admin off
  auto_https off
  servers {
    protocols h1 h2 h2c
    ${settings.join("\n")}
  }
}
http${certificate ? "s" : ""}://127.0.0.1:${port} {
  bind 127.0.0.1
  ${certificate ? `tls ${folder}/cert.pem ${folder}/key.pem` : ""}
  log {
    output file ${folder}/access.log {
      roll_disabled
    }
    format json
  }
  respond {path} 200
}
`;
}
