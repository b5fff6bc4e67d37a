import { openMemoryJournal } from "../../src/io/memory-journal.ts";
import { testJournal } from "../contract/journalContract.ts";

testJournal("journal in memory", (_t, limits) => openMemoryJournal(limits));
