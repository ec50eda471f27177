import { startProgram } from "./program.ts";
import { answers, type LogEntry, type Server, type ServerOptions } from "./server.ts";

/** nghttpd, nghttp2's own server of files, which has no log but tells every frame. `settings` are options of its command line. */
export function startNghttpd(options: ServerOptions): Promise<Server> {
  const { certificate, settings = [] } = options;
  return startProgram(
    options,
    ({ folder, port }) => ({
      command: [
        "nghttpd",
        "--verbose",
        "--address=127.0.0.1",
        `--htdocs=${folder}/files`,
        ...settings,
        ...(certificate ? [`${port}`, `${folder}/key.pem`, `${folder}/cert.pem`] : ["--no-tls", `${port}`]),
      ],
      files: Object.fromEntries(answers.map((answer) => [`files${answer}`, answer])),
    }),
    parseLine,
  );
}

/** The field that names a request, as `[id=1] [  1.001] recv (stream_id=1) x-request-id: 8`. */
function parseLine(line: string): LogEntry | undefined {
  const [, connection, id] = /^\[id=(\d+)\] .* recv \(stream_id=\d+\) x-request-id: (.*)$/.exec(line) ?? [];
  return connection === undefined || id === undefined ? undefined : { connection, id };
}
