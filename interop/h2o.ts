import { type Place, startProgram } from "./program.ts";
import type { Server, ServerOptions } from "./server.ts";

/** H2O. `settings` are lines of its configuration's top level. */
export function startH2o(options: ServerOptions): Promise<Server> {
  return startProgram(options, (place) => ({
    command: ["h2o", "-m", "worker", "-c", `${place.folder}/h2o.conf`],
    files: { "h2o.conf": configuration(place, options) },
  }));
}

function configuration({ folder, port }: Place, { certificate, settings = [] }: ServerOptions): string {
  const tls = `ssl: { certificate-file: ${folder}/cert.pem, key-file: ${folder}/key.pem }`;
  return `
pid-file: ${folder}/h2o.pid
error-log: ${folder}/error.log
access-log: { path: ${folder}/access.log, format: '{"connection":"%{connection-id}x","id":"%{x-request-id}i"}' }
num-threads: 1
${settings.join("\n")}
listen:
  host: 127.0.0.1
  port: ${port}
  ${certificate ? tls : ""}
hosts:
  default:
    paths:
      /:
        mruby.handler: |
          Proc.new { |env| [200, { "content-type" => "text/plain" }, [env["PATH_INFO"]]] }
`;
}
