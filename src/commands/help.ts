export const help = `node src/main.ts capture <command> (see: capture help) finds out how eSignGlobal signs

node src/main.ts journal <command> [options]

  status                      what waits for Kafka: how much, how old, by topic; parked topics; whether a bridge runs
  list                        the records that wait, one line each, without their contents
      --limit N               at most so many
      --topic T               only those on their way to this topic
  verify                      reads every byte; says what is damaged, what that means and what to do
  export                      the records that wait, as JSON lines; bodies as masked JSON text (people's names stay in)
      --all                   also what is settled and still kept whole
      --raw                   the bytes as they came, in Base64: with access codes and download links
      --topic T, --out FILE   into a new file, mode 0600; never overwrites
  skip PLACE|EVENT_ID --out FILE
                              takes one record out of the queue, into a new file (as export --raw); the bridge must be stopped
  help                        this text

  --dir DIR                   the journal's directory; else JOURNAL_DIR, else ./data/journal
  --key-file FILE             the keys of an encrypted journal; else JOURNAL_KEY_FILE
  --json                      for scripts: one object (status, verify), or one per line (list, export)

All but skip only read: on a copy, or beside a running bridge, whose last 200 ms they may not know yet.
TOPIC_PREFIX (esign.) is taken from the environment; no other setting is needed.

Exit codes: 0 done, and sound; 1 not done, or something that waits (verify: anything) is damaged; 2 wrong arguments.`;
