// Run as a process of its own: node client-process.ts <what> <url>. It leaves its transport open, and ends when nothing
// holds it.
import { http1 } from "@holdfast/http1";
import { isTransportError } from "@holdfast/transport";

const [what, url = ""] = process.argv.slice(2);
const transport = http1({ idleTimeoutMs: 600_000, timeouts: { headMs: what === "no-answer" ? 200 : Infinity } });

async function main(): Promise<string> {
  if (what === "warm") {
    await transport.warm(url, { connections: 2 });
    return "warmed up";
  }
  const answer = transport.request({ url, deadlineMs: 600_000 });
  process.stdout.write("asked\n");
  const { status, body } = await answer;
  return `${status} ${await body.text()}`;
}

main().then(
  (outcome) => process.stdout.write(`${outcome}\n`),
  (error: unknown) => process.stdout.write(`${isTransportError(error) ? error.code : String(error)}\n`),
);
