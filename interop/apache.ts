import { type Place, startProgram } from "./program.ts";
import { answers, type Server, type ServerOptions } from "./server.ts";

const modules = ["mpm_event", "authz_core", "http2", "ssl"];

/** Apache httpd with the event MPM, serving files. `settings` are directives of the server. */
export function startApache(options: ServerOptions): Promise<Server> {
  return startProgram(options, (place) => ({
    command: ["apache2", "-f", `${place.folder}/apache.conf`, "-DFOREGROUND"],
    files: {
      "apache.conf": configuration(place, options),
      ...Object.fromEntries(answers.map((answer) => [`files${answer}`, answer])),
    },
  }));
}

function configuration({ folder, port }: Place, { certificate, settings = [] }: ServerOptions): string {
  const tls = `SSLEngine on\nSSLCertificateFile ${folder}/cert.pem\nSSLCertificateKeyFile ${folder}/key.pem`;
  return `
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
Mutex pthread
ErrorLog ${folder}/error.log
LogFormat "{\\"connection\\":\\"%{remote}p\\",\\"id\\":\\"%{x-request-id}i\\"}" ids
CustomLog ${folder}/access.log ids
DocumentRoot ${folder}/files
Protocols ${certificate ? "h2" : "h2c"} http/1.1
${certificate ? tls : ""}
${settings.join("\n")}
`;
}
