import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Files in PEM: what was issued to one name. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Key and certificate in one, as Kafka's keystores want them. */
  readonly storeFile: string;
}

/** A certificate authority of one's own; its folder goes when it is disposed of. */
export interface Authority extends AsyncDisposable {
  readonly caFile: string;
  /** Valid now for `localhost` and 127.0.0.1, unless it has long expired or is for another host. */
  readonly issue: (name: string, flaw?: "none" | "expired" | "elsewhere") => Promise<Certificate>;
}

const settings = `[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = names
copy_extensions = copy
[names]
commonName = supplied
[req]
distinguished_name = names
`;

const dates = {
  none: "-days 2",
  elsewhere: "-days 2",
  expired: "-startdate 20200101000000Z -enddate 20200201000000Z",
} as const;
const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
const toAuthority = "-addext basicConstraints=critical,CA:true";
const hosts = {
  none: "DNS:localhost,IP:127.0.0.1",
  expired: "DNS:localhost,IP:127.0.0.1",
  elsewhere: "DNS:elsewhere.example",
} as const;

export const openAuthority = async (name: string): Promise<Authority> => {
  const folder = await mkdtemp(join(tmpdir(), "esign-authority-"));
  const openssl = async (command: string): Promise<void> =>
    void (await run("openssl", [...command.split(" "), "-config", "openssl.cnf"], { cwd: folder }));
  await writeFile(join(folder, "openssl.cnf"), settings);
  await writeFile(join(folder, "index.txt"), "");
  await openssl(`req -x509 ${newKey} -keyout ca.key -out ca.pem -subj /CN=${name} -days 2 ${toAuthority}`);

  const issue: Authority["issue"] = async (subject, flaw = "none") => {
    const file = `${subject}-${flaw}`;
    await openssl(
      `req -new ${newKey} -keyout ${file}.key -out ${file}.csr -subj /CN=${subject} -addext subjectAltName=${hosts[flaw]}`,
    );
    const ca = "ca -batch -notext -cert ca.pem -keyfile ca.key";
    await openssl(`${ca} -in ${file}.csr -out ${file}.pem ${dates[flaw]}`);
    const certFile = join(folder, `${file}.pem`);
    const keyFile = join(folder, `${file}.key`);
    const storeFile = join(folder, `${file}.store.pem`);
    await writeFile(storeFile, (await readFile(keyFile, "utf8")) + (await readFile(certFile, "utf8")));
    return { certFile, keyFile, storeFile };
  };
  return {
    caFile: join(folder, "ca.pem"),
    issue,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
};
