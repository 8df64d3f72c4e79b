// The verifiers in docs/webhooks.md, as they stand there, in every language that this machine has.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { ROOT, emptyDirectory } from "../lib/processes.mjs";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY = '{"event":"meeting.started","payload":{"object":{"topic":"café \\uD83D\\uDE92 ’"}}}';
const page = await readFile(path.join(ROOT, "docs/webhooks.md"), "utf8");
const snippet = (language) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page.slice(page.indexOf("## Verify it")))[1];

/**
 * Around each snippet: read the cases from the arguments, and print `true` or `false` for each. All in one run, because
 * some languages take seconds to start.
 */
const LANGUAGES = {
  js: {
    command: "node",
    file: "verify.mjs",
    wrap: (code) => `${code}
for (const { secret, headers, body } of process.argv.slice(2).map((argument) => JSON.parse(argument))) console.log(verify(secret, headers, Buffer.from(body)));`,
  },
  python: {
    command: "python3",
    file: "verify.py",
    wrap: (code) => `${code}
import json, sys
for given in map(json.loads, sys.argv[1:]):
    print(str(verify(given["secret"], given["headers"], given["body"].encode())).lower())`,
  },
  go: {
    command: "go",
    arguments: ["run"],
    file: "verify.go",
    wrap: (code) => `package main
import ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "net/http"; "os"; "slices"; "strconv"; "strings"; "time")
${code}
func main() {
	for _, argument := range os.Args[1:] {
		var given struct { Secret string; Headers map[string]string; Body string }
		json.Unmarshal([]byte(argument), &given)
		header := http.Header{}
		for name, value := range given.Headers { header.Set(name, value) }
		fmt.Println(Verify(given.Secret, header, []byte(given.Body)))
	}
}`,
  },
  ruby: {
    command: "ruby",
    file: "verify.rb",
    wrap: (code) => `${code}
require "json"
ARGV.map { |argument| JSON.parse(argument) }.each { |given| puts verify(given["secret"], given["headers"], given["body"]) }`,
  },
  java: {
    command: "java",
    file: "Verify.java",
    // Java has no JSON of its own: the parts come one by one, five for each case.
    parts: ({ secret, headers, body }) => [secret, headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body],
    wrap: (code) => `import static java.nio.charset.StandardCharsets.UTF_8;
import java.security.*; import java.time.Instant; import java.util.*; import javax.crypto.Mac; import javax.crypto.spec.SecretKeySpec;
public class Verify {
${code}
  public static void main(String[] a) throws Exception {
    for (int i = 0; i < a.length; i += 5) {
      var headers = Map.of("webhook-id", a[i + 1], "webhook-timestamp", a[i + 2], "webhook-signature", a[i + 3]);
      System.out.println(verify(a[i], headers, a[i + 4].getBytes(UTF_8)));
    }
  }
}`,
  },
};

function signed(change = {}) {
  const { at = Math.floor(Date.now() / 1000), secret = SECRET, body = BODY, id = "evt_1", others = [] } = change;
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  const signature = createHmac("sha256", key).update(`evt_1.${at}.${BODY}`).digest("base64");
  const headers = { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": [...others, `v1,${signature}`].join(" ") };
  return { secret, headers, body };
}

/** What is sent, what is to be believed of it, and why. */
function cases() {
  const now = Math.floor(Date.now() / 1000);
  return [
    [{}, true, "what we signed"],
    [{ others: ["v1,AAAA"] }, true, "while the secret changes there are two"],
    [{ body: `${BODY} ` }, false, "another body"],
    [{ id: "evt_2" }, false, "another id"],
    [{ secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, false, "another secret"],
    [{ at: now - 3_600 }, false, "an old one"],
    [{ at: now + 3_600 }, false, "one of the future"],
  ];
}

for (const [language, { command, arguments: more = [], file, wrap, parts = (given) => [JSON.stringify(given)] }] of Object.entries(LANGUAGES)) {
  const isHere = spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
  test(`the verifier in ${language} believes what we signed and nothing else`, { skip: !isHere && `${command} is not installed` }, async (t) => {
    const directory = await emptyDirectory();
    const source = path.join(directory, file);
    await writeFile(source, wrap(snippet(language)));
    const env = { ...process.env, LC_ALL: "C.UTF-8", JAVA_TOOL_OPTIONS: "-Dfile.encoding=UTF-8 -Dsun.jnu.encoding=UTF-8" };
    const all = cases();
    const given = all.flatMap(([change]) => parts(signed(change)));
    const { stdout } = await promisify(execFile)(command, [...more, source, ...given], { env, cwd: directory });
    const told = stdout.trim().split("\n");
    assert.deepEqual(all.map(([, , why], index) => `${why}: ${told[index]}`), all.map(([, expected, why]) => `${why}: ${expected}`));
  });
}
