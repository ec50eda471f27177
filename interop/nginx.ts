import { type Place, startProgram } from "./program.ts";
import type { Server, ServerOptions } from "./server.ts";

/** nginx with one worker. `settings` are directives of its `server` block. */
export function startNginx(options: ServerOptions): Promise<Server> {
  return startProgram(options, (place) => ({
    command: ["nginx", "-p", place.folder, "-c", "nginx.conf", "-e", "stderr"],
    files: { "nginx.conf": configuration(place, options) },
  }));
}

// Of nginx's listeners without TLS, before 1.25 each speaks one version only.
function configuration({ folder, port }: Place, { protocol, certificate, settings = [] }: ServerOptions): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  log_format ids escape=json '{"connection":"$connection","id":"$http_x_request_id"}';
  access_log ${folder}/access.log ids;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port}${certificate ? " ssl" : ""}${protocol === "h2" ? " http2" : ""};
    ${certificate ? `ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;` : ""}
    ${settings.join(" ")}
    location / { return 200 "$uri"; }
  }
}
`;
}
