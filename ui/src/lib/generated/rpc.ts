// Made from crates/omni-protocol/src/rpc.rs by `cargo xtask bindings`. Do not edit.

/**
 * Where the app stands.
 */
export type AppInfo = {
/**
 * Version of the app.
 */
version: string,
/**
 * `first_run`, `locked`, `ready` or `recovery`.
 */
phase: string,
/**
 * Why it is locked or in recovery, as a sentence; empty otherwise.
 */
reason: string,
/**
 * Where secrets live: `os` or `passphrase`; null before first run.
 */
keys: string | null,
/**
 * Folder of the replica.
 */
data_dir: string,
/**
 * The operator's name once enrolled.
 */
operator: string | null,
/**
 * The device's name once enrolled.
 */
device: string | null,
/**
 * Whether the local central is a side process of this app.
 */
local_central: boolean, };

/**
 * An argument.
 */
export type ArgInfo = {
/**
 * Name.
 */
name: string,
/**
 * Help.
 */
help: string,
/**
 * Required.
 */
required: boolean, };

/**
 * Arguments of `as_of`.
 */
export type AsOfArgs = {
/**
 * A seq, or an instant as RFC 3339.
 */
at: string,
/**
 * Collection name.
 */
collection: string,
/**
 * Id or key.
 */
id: string, };

/**
 * A record at an earlier point.
 */
export type AsOfRecord = {
/**
 * The seq it was read at.
 */
seq: number,
/**
 * Whether it existed then.
 */
existed: boolean,
/**
 * Record id.
 */
id: string,
/**
 * Field → value then.
 */
fields: { [key in string]: JsonValue },
/**
 * Fields that differ from now.
 */
differs: Array<string>, };

/**
 * Socket bytes.
 */
export type Bytes = {
/**
 * Sent, all of it.
 */
sent: number,
/**
 * Received, all of it.
 */
received: number,
/**
 * Payload: minimal JSON of the changed fields sent and received.
 */
payload: number, };

/**
 * A change id.
 */
export type ChangeArgs = {
/**
 * The change.
 */
change: string, };

/**
 * A change was saved.
 */
export type ChangeMade = {
/**
 * The change's permanent id; null if nothing changed.
 */
change: string | null,
/**
 * The record touched first.
 */
id: string, };

/**
 * Ids of one collection that changed.
 */
export type ChangedIds = {
/**
 * Too many to list: all may have changed.
 */
all: boolean,
/**
 * The ids otherwise.
 */
ids: Array<string>, };

/**
 * Count of one collection.
 */
export type CollectionCount = {
/**
 * Its name.
 */
collection: string,
/**
 * Words for people.
 */
label: string,
/**
 * Live records.
 */
rows: number,
/**
 * Records with unconfirmed edits.
 */
pending: number, };

/**
 * A collection.
 */
export type CollectionInfo = {
/**
 * Name.
 */
name: string,
/**
 * Label, singular.
 */
label: string,
/**
 * Label, plural.
 */
plural: string,
/**
 * Component of the customer's plan.
 */
component: string,
/**
 * The field that names a record.
 */
title: string,
/**
 * `edit wins` or `committed stands`.
 */
delete: string,
/**
 * Its fields in display order.
 */
fields: Array<FieldInfo>, };

/**
 * A domain command.
 */
export type CommandInfo = {
/**
 * Name, `collection.verb`.
 */
name: string,
/**
 * Label.
 */
label: string,
/**
 * `yes`, `queued` or `no`.
 */
offline: string,
/**
 * Arguments.
 */
args: Array<ArgInfo>, };

/**
 * One field of an item.
 */
export type ConflictField = {
/**
 * Name; `*` = the record.
 */
name: string,
/**
 * Label.
 */
label: string,
/**
 * Type word, as in `collections`.
 */
type: string,
/**
 * Later edits that wait in the same item.
 */
also: Array<ConflictSide>,
/**
 * What holds since it was settled.
 */
settled: JsonValue,
/**
 * Before both.
 */
base: JsonValue,
/**
 * The edit that waits.
 */
mine: JsonValue,
/**
 * On central.
 */
theirs: JsonValue,
/**
 * Who made the waiting edit.
 */
by: string | null,
/**
 * On which device.
 */
device: string | null,
/**
 * When it arrived, RFC 3339 UTC.
 */
at: string | null,
/**
 * The rule that kept it open.
 */
rule: string,
/**
 * `auto open person`.
 */
decided: string,
/**
 * The winner, if decided.
 */
winner: string | null, };

/**
 * A window of conflicts.
 */
export type ConflictPage = {
/**
 * All that match.
 */
total: number,
/**
 * The window.
 */
rows: Array<ConflictRow>, };

/**
 * One item.
 */
export type ConflictRow = {
/**
 * `field`, `record` (delete against edit) or `change` (a whole command that waits).
 */
kind: string,
/**
 * `auto open person`.
 */
decided: string,
/**
 * The rule that decided, or kept it open.
 */
rule: string,
/**
 * The commit that opened, joined or decided it last.
 */
seq: number,
/**
 * The waiting side is a delete of the record.
 */
delete: boolean,
/**
 * The first waiting edit was made on this laptop.
 */
own: boolean,
/**
 * When it was typed, by its author's own clock, RFC 3339 UTC.
 */
typed_at: string | null,
/**
 * Who committed what stands.
 */
theirs_by: string | null,
/**
 * On which device.
 */
theirs_device: string | null,
/**
 * When, RFC 3339 UTC.
 */
theirs_at: string | null,
/**
 * Who settled it, if a person did.
 */
settled_by: string | null,
/**
 * When, RFC 3339 UTC.
 */
settled_at: string | null,
/**
 * Whether it can be settled (again) from here; not while a decision made here waits for central.
 */
can_resolve: boolean,
/**
 * The waiting change, for items of a whole change.
 */
change: string | null,
/**
 * Item id.
 */
id: string,
/**
 * Collection.
 */
collection: string,
/**
 * Record.
 */
record: string,
/**
 * Title of the record.
 */
title: string,
/**
 * The fields that wait.
 */
fields: Array<ConflictField>, };

/**
 * A later edit that waits in the same item.
 */
export type ConflictSide = {
/**
 * Its value.
 */
value: JsonValue,
/**
 * Who made it.
 */
by: string | null,
/**
 * On which device.
 */
device: string | null,
/**
 * When it arrived, RFC 3339 UTC.
 */
at: string | null, };

/**
 * Arguments of `conflicts`.
 */
export type ConflictsArgs = {
/**
 * `open` (default), `auto` (decided by a rule), `person` (settled), `all`.
 */
decided: string | null,
/**
 * First row.
 */
offset: number,
/**
 * Rows wanted, at most 1,000.
 */
limit: number, };

/**
 * Arguments of `create`.
 */
export type CreateArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Immutable key, if wanted.
 */
key: string | null,
/**
 * Field → value.
 */
fields: { [key in string]: JsonValue }, };

/**
 * A device and a window of commit time.
 */
export type DeviceTarget = {
/**
 * Device id or name.
 */
device: string,
/**
 * From, RFC 3339 UTC, included.
 */
from: string,
/**
 * To, RFC 3339 UTC, included.
 */
to: string, };

/**
 * Arguments of `do`.
 */
export type DoArgs = {
/**
 * Command name.
 */
command: string,
/**
 * Arguments.
 */
args: { [key in string]: string }, };

/**
 * Nothing to say but that it was done.
 */
export type Done = { [name: string]: never };

/**
 * Arguments of `enrol.join`.
 */
export type EnrolArgs = {
/**
 * Address of central, `http://127.0.0.1:7420`.
 */
central: string,
/**
 * The one-time code.
 */
code: string,
/**
 * Name of this device, for people.
 */
name: string,
/**
 * Passphrase to protect secrets with where no OS keychain answers; null = OS keychain.
 */
passphrase: string | null, };

/**
 * What enrolment made.
 */
export type Enrolled = {
/**
 * Device id.
 */
device: string,
/**
 * Replica id.
 */
replica: string,
/**
 * Operator's name.
 */
operator: string,
/**
 * Shown once: opens the database when the keychain is lost.
 */
recovery_code: string, };

/**
 * One value and its count.
 */
export type Facet = {
/**
 * Value as JSON; null = no value.
 */
value: JsonValue,
/**
 * Title if the value is a link, else the value as text.
 */
label: string,
/**
 * Records.
 */
count: number, };

/**
 * Arguments of `facets`.
 */
export type FacetArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Field to count by.
 */
field: string,
/**
 * Filters.
 */
where: { [key in string]: string },
/**
 * Search.
 */
search: string | null, };

/**
 * A field.
 */
export type FieldInfo = {
/**
 * Name.
 */
name: string,
/**
 * Label.
 */
label: string,
/**
 * Type word: text long_text bool int money decimal time enum enum_set text_set ref ref_set.
 */
type: string,
/**
 * Merge policy word.
 */
policy: string,
/**
 * Compartment word.
 */
compartment: string,
/**
 * App with the last word, if any.
 */
authority: string | null,
/**
 * Merge group, if any.
 */
group: string | null,
/**
 * Words of an enum.
 */
words: Array<string>,
/**
 * Collection a link points to.
 */
target: string | null,
/**
 * Decimal places.
 */
scale: number,
/**
 * Required.
 */
required: boolean,
/**
 * Unique.
 */
unique: boolean,
/**
 * Typed in, not measured.
 */
declared: boolean,
/**
 * Good to sort and filter by.
 */
indexed: boolean, };

/**
 * One field of a record.
 */
export type FieldView = {
/**
 * Name.
 */
name: string,
/**
 * Value on screen: the pending one where there is one.
 */
value: JsonValue,
/**
 * Title of a linked record, else null.
 */
title: string | null,
/**
 * `saved pending sending rejected conflict`.
 */
state: string,
/**
 * The confirmed value under a pending edit.
 */
confirmed: JsonValue,
/**
 * When the pending edit was saved here, RFC 3339 UTC.
 */
saved_at: string | null, };

/**
 * A group of changes.
 */
export type GroupInfo = {
/**
 * Group id.
 */
id: string,
/**
 * Its place, from 0.
 */
index: number,
/**
 * Members.
 */
count: number, };

/**
 * Arguments of `history`.
 */
export type HistoryArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Id or key.
 */
id: string,
/**
 * Only commits before this one (own changes that are not on central yet come with the first page only).
 */
before: number | null,
/**
 * Entries passed over.
 */
offset: number,
/**
 * Entries wanted, at most 1,000.
 */
limit: number, };

/**
 * One commit's effect on one record.
 */
export type HistoryEntry = {
/**
 * The commit; null = own change not on central yet.
 */
seq: number | null,
/**
 * Change id.
 */
change: string,
/**
 * Commit time, RFC 3339 UTC.
 */
at: string | null,
/**
 * Operator's name.
 */
by: string | null,
/**
 * Device's name.
 */
device: string | null,
/**
 * Command name, `edit` for a plain edit.
 */
command: string,
/**
 * `created changed deleted moved`, `decided` where only a conflict was opened or settled, or for an own change its
 * queue state.
 */
kind: string,
/**
 * The rule of a decision this commit made about the record, if any.
 */
rule: string | null,
/**
 * What changed, in display order.
 */
fields: Array<HistoryField>,
/**
 * Whether it can be taken back.
 */
can_undo: boolean,
/**
 * The group the change is of, if it is of one: all of it can be rolled back together.
 */
group: string | null, };

/**
 * One field before and after a commit.
 */
export type HistoryField = {
/**
 * Name.
 */
name: string,
/**
 * Label.
 */
label: string,
/**
 * Before; null = none.
 */
before: JsonValue,
/**
 * After; null = none.
 */
after: JsonValue, };

/**
 * A record's history.
 */
export type HistoryPage = {
/**
 * Newest first.
 */
entries: Array<HistoryEntry>,
/**
 * Where this laptop's own history begins: older entries need central. Null if it holds everything.
 */
local_since: number | null,
/**
 * Older entries may exist and central could not be asked now.
 */
incomplete: boolean,
/**
 * More entries follow.
 */
more: boolean, };

/**
 * An item that could not be settled.
 */
export type ItemFailure = {
/**
 * Item id.
 */
id: string,
/**
 * Why.
 */
error: WireError, };

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

/**
 * Two percentiles, milliseconds; null without samples.
 */
export type Latency = {
/**
 * Median.
 */
p50: number | null,
/**
 * 99th percentile.
 */
p99: number | null, };

/**
 * Arguments of `list`.
 */
export type ListArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Field = value filters (texts as typed; links by id or key).
 */
where: { [key in string]: string },
/**
 * Full-text search, prefix match.
 */
search: string | null,
/**
 * Field to sort by, `-field` descending; default the title.
 */
sort: string | null,
/**
 * First row.
 */
offset: number,
/**
 * Rows wanted, at most 1,000.
 */
limit: number, };

/**
 * Arguments of `enrol.local`.
 */
export type LocalArgs = {
/**
 * Name of this device, for people.
 */
name: string,
/**
 * Passphrase to protect secrets with where no OS keychain answers; null = OS keychain.
 */
passphrase: string | null, };

/**
 * Measured series, newest last, one point a second.
 */
export type Monitor = {
/**
 * Seconds between points.
 */
step_s: number,
/**
 * Times, unix seconds.
 */
at: Array<number>,
/**
 * Commits received per second.
 */
commits: Array<number | null>,
/**
 * Outcomes received per second.
 */
outcomes: Array<number | null>,
/**
 * Bytes sent per second.
 */
sent: Array<number | null>,
/**
 * Bytes received per second.
 */
received: Array<number | null>,
/**
 * p50 edit → outcome in that second, milliseconds; null = no sample (a gap).
 */
latency_p50: Array<number | null>,
/**
 * p99 of the same.
 */
latency_p99: Array<number | null>,
/**
 * Changes waiting.
 */
queued: Array<number | null>,
/**
 * Commits behind central's head.
 */
lag: Array<number | null>,
/**
 * Reconnects by cause, this run.
 */
reconnects: { [key in string]: number },
/**
 * (all socket bytes but those of whole copies ÷ payload) − 1 of this run; null without payload.
 */
overhead: number | null,
/**
 * Rows compared in 24 h.
 */
rows_compared: number,
/**
 * Rows found different in 24 h.
 */
rows_different: number, };

/**
 * A name.
 */
export type NameArgs = {
/**
 * The name.
 */
name: string, };

/**
 * No arguments.
 */
export type NoArgs = { [name: string]: never };

/**
 * Command Center figures: counts of records.
 */
export type Overview = {
/**
 * Per collection: live records, and records with a pending edit.
 */
collections: Array<CollectionCount>,
/**
 * Sectors by status, with their brand counts.
 */
sectors: Array<SectorCount>, };

/**
 * A window of rows.
 */
export type Page = {
/**
 * All rows that match.
 */
total: number,
/**
 * The window.
 */
rows: Array<RowView>, };

/**
 * Progress of long work.
 */
export type Progress = {
/**
 * What is being done, in words.
 */
label: string,
/**
 * Done so far.
 */
done: number,
/**
 * Out of; null unknown.
 */
total: number | null, };

/**
 * Arguments of `queue`.
 */
export type QueueArgs = {
/**
 * Only this state.
 */
state: string | null,
/**
 * First row.
 */
offset: number,
/**
 * Rows wanted, at most 1,000.
 */
limit: number, };

/**
 * Arguments of `queue.edit`.
 */
export type QueueEditArgs = {
/**
 * The change.
 */
change: string,
/**
 * Field → new value as JSON.
 */
fields: { [key in string]: JsonValue }, };

/**
 * One field of a waiting change.
 */
export type QueueField = {
/**
 * Name.
 */
name: string,
/**
 * Confirmed value before.
 */
before: JsonValue,
/**
 * Value after.
 */
after: JsonValue, };

/**
 * A window of the queue.
 */
export type QueuePage = {
/**
 * All that match.
 */
total: number,
/**
 * The window.
 */
rows: Array<QueueRow>, };

/**
 * One waiting change.
 */
export type QueueRow = {
/**
 * Change id.
 */
change: string,
/**
 * `pending` (not sent), `sending` (sealed), `acknowledged` (answered, not yet in the copy), `rejected`, `held`,
 * `blocked`, `discarded` (undo possible).
 */
state: string,
/**
 * 1 emergency, 2 normal, 3 bulk.
 */
priority: number,
/**
 * Collection of the first record touched.
 */
collection: string,
/**
 * First record touched.
 */
record: string,
/**
 * Its title.
 */
title: string,
/**
 * What it does, in words.
 */
summary: string,
/**
 * Field by field: before and after.
 */
fields: Array<QueueField>,
/**
 * When it was saved here, RFC 3339 UTC.
 */
saved_at: string,
/**
 * Times it was sent.
 */
attempts: number,
/**
 * Next try, RFC 3339 UTC; null if not waiting for one.
 */
next_attempt: string | null,
/**
 * Why it was refused or held.
 */
error: WireError | null,
/**
 * Group id and size, if it is one of many.
 */
group: GroupInfo | null,
/**
 * Whether it may be edited.
 */
can_edit: boolean,
/**
 * Whether it may be discarded.
 */
can_discard: boolean, };

/**
 * Something that changed.
 */
export type RecentChange = {
/**
 * Seq; null = own change not yet on central.
 */
seq: number | null,
/**
 * Change id.
 */
change: string,
/**
 * Collection of the first record touched.
 */
collection: string,
/**
 * First record touched.
 */
record: string,
/**
 * Its title, if it is here.
 */
title: string | null,
/**
 * Field names touched.
 */
fields: Array<string>,
/**
 * Records touched.
 */
records: number,
/**
 * Operator's name.
 */
by: string | null,
/**
 * Device's name.
 */
device: string | null,
/**
 * Commit time, RFC 3339 UTC.
 */
at: string | null,
/**
 * Command name, `edit` for a plain edit.
 */
command: string, };

/**
 * One record in full.
 */
export type Record = {
/**
 * Collection name.
 */
collection: string,
/**
 * Record id.
 */
id: string,
/**
 * Key.
 */
key: string | null,
/**
 * Title.
 */
title: string,
/**
 * Owner record id, null = global.
 */
owner: string | null,
/**
 * Seq of the last commit that touched it; null = not yet on central.
 */
seq: number | null,
/**
 * State of the record.
 */
state: string,
/**
 * Its fields in display order.
 */
fields: Array<FieldView>,
/**
 * Its last changes, newest first.
 */
recent: Array<RecentChange>, };

/**
 * A record's address; `id` is an id or a key.
 */
export type RecordArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Id or key.
 */
id: string, };

/**
 * A record and an earlier point.
 */
export type RecordTarget = {
/**
 * Collection name.
 */
collection: string,
/**
 * Id or key.
 */
id: string,
/**
 * The point.
 */
to_seq: number, };

/**
 * Arguments of `conflicts.resolve`.
 */
export type ResolveArgs = {
/**
 * Item id.
 */
id: string,
/**
 * `mine` (what waits or lost), `theirs` (what is committed), `base` (before both), `both` (where the type allows:
 * sets, texts, numbers that add up), `values` (see there).
 */
take: string,
/**
 * Only this field of the item; the others keep what is committed.
 */
field: string | null,
/**
 * For `values`: field → chosen value as JSON; fields left out keep what is committed.
 */
values: { [key in string]: JsonValue },
/**
 * The item's `seq` as it was shown: refused as `stale` if it changed since.
 */
seq: number | null, };

/**
 * Arguments of `conflicts.resolve_many`.
 */
export type ResolveManyArgs = {
/**
 * Item ids, at most 1,000.
 */
ids: Array<string>,
/**
 * `mine`, `theirs` or `base`.
 */
take: string, };

/**
 * What became of many items.
 */
export type ResolvedMany = {
/**
 * Items settled.
 */
done: number,
/**
 * The changes that settle them, in the order of the items: each can be taken back.
 */
changes: Array<string>,
/**
 * Items that could not be, with the reason.
 */
failed: Array<ItemFailure>, };

/**
 * Arguments of `rollback`: exactly one target.
 */
export type RollbackArgs = {
/**
 * One record, back to what it was right after `to_seq`.
 */
record: RecordTarget | null,
/**
 * One change.
 */
change: string | null,
/**
 * All changes of a group (an import, a bulk edit).
 */
group: string | null,
/**
 * Everything one device did in a window of commit time.
 */
device: DeviceTarget | null,
/**
 * Fields that somebody else changed later and that shall go back all the same, as `collection/record/field`.
 */
also: Array<string>, };

/**
 * One field that would go back.
 */
export type RollbackLine = {
/**
 * `collection/record/field`, to be named in `also`.
 */
address: string,
/**
 * Collection name.
 */
collection: string,
/**
 * Record id.
 */
record: string,
/**
 * Its title.
 */
title: string,
/**
 * Field name, `*` for the record as a whole.
 */
field: string,
/**
 * Field label.
 */
label: string,
/**
 * Value now.
 */
now: JsonValue,
/**
 * Value after the rollback.
 */
then: JsonValue,
/**
 * Somebody changed it since: it is left alone unless it is named.
 */
later: boolean,
/**
 * Who changed it since.
 */
later_by: string | null, };

/**
 * What a rollback or an undo would do.
 */
export type RollbackPreview = {
/**
 * Line by line.
 */
lines: Array<RollbackLine>,
/**
 * Changes that cannot be reached (older than what this laptop holds), if any.
 */
missing: number, };

/**
 * A rollback was saved.
 */
export type RolledBack = {
/**
 * The compensating changes; empty if what was taken back had not been sent.
 */
changes: Array<string>,
/**
 * Changes taken out of the queue instead, because they had not been sent.
 */
discarded: number,
/**
 * Their group, if there are several.
 */
group: string | null,
/**
 * Lines left alone because somebody changed them since.
 */
left: number, };

/**
 * One row of a list.
 */
export type RowView = {
/**
 * Record id.
 */
id: string,
/**
 * Key.
 */
key: string | null,
/**
 * Values by field name; links carry the id, see `titles`.
 */
values: { [key in string]: JsonValue },
/**
 * Titles of linked records by field name.
 */
titles: { [key in string]: string },
/**
 * `saved pending sending rejected conflict`.
 */
state: string,
/**
 * Fields with unconfirmed edits.
 */
pending: Array<string>, };

/**
 * Arguments of `search`.
 */
export type SearchArgs = {
/**
 * What was typed.
 */
text: string,
/**
 * Hits wanted, at most 100.
 */
limit: number, };

/**
 * One hit.
 */
export type SearchHit = {
/**
 * Collection.
 */
collection: string,
/**
 * Record id.
 */
id: string,
/**
 * Title.
 */
title: string,
/**
 * A second line: its sector or owner.
 */
subtitle: string, };

/**
 * Count of one sector.
 */
export type SectorCount = {
/**
 * Record id.
 */
id: string,
/**
 * Key.
 */
key: string | null,
/**
 * Name.
 */
name: string,
/**
 * The record's own icon.
 */
icon: string | null,
/**
 * Status set by operators.
 */
status: string | null,
/**
 * Category.
 */
category: string | null,
/**
 * Recorded brands.
 */
brands: number,
/**
 * Declared brands: typed in, not measured.
 */
declared_brands: number | null,
/**
 * Records of the sector with unconfirmed edits.
 */
pending: number, };

/**
 * Arguments of `set`.
 */
export type SetArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Id or key.
 */
id: string,
/**
 * Field → new value as JSON.
 */
fields: { [key in string]: JsonValue }, };

/**
 * One stored setting.
 */
export type Setting = {
/**
 * Name.
 */
name: string,
/**
 * Value.
 */
value: JsonValue, };

/**
 * The synchronisation status.
 */
export type Status = {
/**
 * Snake-case state of guides/UX §1: `recovery disk_full locked device_removed history_rewritten signed_out
 * update_required paused offline central_unreachable unknown catching_up sending needs_attention in_sync`.
 */
state: string,
/**
 * The state's sentence, filled in.
 */
sentence: string,
/**
 * The state's one next action: a word for the button, empty if none is needed.
 */
action: string,
/**
 * Since when, RFC 3339 UTC.
 */
since: string | null,
/**
 * Time of the newest evidence that central answered, RFC 3339 UTC.
 */
evidence_at: string | null,
/**
 * Complete to this seq.
 */
cursor: number | null,
/**
 * Central's newest known seq.
 */
head: number | null,
/**
 * Epoch of central.
 */
epoch: number | null,
/**
 * Age of the copy in seconds while behind or offline; 0 in sync; null unknown.
 */
lag_s: number | null,
/**
 * Changes waiting, not sent.
 */
queued: number,
/**
 * Changes sent, not answered, or answered and not yet in the copy.
 */
sending: number,
/**
 * Refused, held and blocked changes.
 */
needs_attention: number,
/**
 * Open conflicts.
 */
conflicts: number,
/**
 * Live records in the replica.
 */
rows: number,
/**
 * 1 − rows found different ÷ rows compared in 24 h; null until compared.
 */
accuracy: number | null,
/**
 * Round trip edit → outcome of this run, milliseconds.
 */
latency_ms: Latency,
/**
 * Socket bytes of this run.
 */
bytes: Bytes,
/**
 * Seconds to the next try while unreachable.
 */
next_try_s: number | null,
/**
 * Received and total changes while catching up; rows during the first copy.
 */
progress: Progress | null,
/**
 * The last raw error, one click away.
 */
last_error: WireError | null,
/**
 * Offset of this laptop's clock to central's, milliseconds; null if not measured.
 */
clock_offset_ms: number | null,
/**
 * Address of central.
 */
central: string | null,
/**
 * The live connection does not get through: the exchange goes over plain HTTP.
 */
by_http: boolean,
/**
 * When the digests last matched, RFC 3339 UTC.
 */
verified_at: string | null,
/**
 * Oldest unsent change's age in seconds.
 */
oldest_unsent_s: number | null, };

/**
 * Arguments of `text`: exactly one of the three acts.
 */
export type TextArgs = {
/**
 * Collection name.
 */
collection: string,
/**
 * Id or key.
 */
id: string,
/**
 * Text field.
 */
field: string,
/**
 * Insert this text at `at`.
 */
insert: string | null,
/**
 * Delete this many characters at `at`.
 */
delete: number | null,
/**
 * Position, in characters (Unicode scalar values).
 */
at: number,
/**
 * The whole new text; what differs becomes the edit.
 */
replace: string | null, };

/**
 * What the UI gets pushed: after COMMIT, batched.
 */
export type UiEvent = { "event": "status",
/**
 * The new value.
 */
status: Status, } | { "event": "changed",
/**
 * Collections and the ids touched (at most 500 ids each; `all` if more).
 */
collections: { [key in string]: ChangedIds },
/**
 * Cursor after it.
 */
seq: number | null,
/**
 * Whether the change was made on this laptop.
 */
local: boolean, } | { "event": "queue",
/**
 * Waiting changes now.
 */
queued: number, } | { "event": "progress",
/**
 * The figures.
 */
progress: Progress, } | { "event": "phase", } | { "event": "notice",
/**
 * Stable snake-case word.
 */
code: string,
/**
 * The sentence.
 */
message: string, } | { "event": "lagged",
/**
 * How many.
 */
missed: number, };

/**
 * Arguments of `app.unlock`. Neither: the keychain is asked again. The recovery code with a passphrase: the passphrase
 * becomes the new one.
 */
export type UnlockArgs = {
/**
 * The passphrase, in passphrase mode.
 */
passphrase: string | null,
/**
 * The recovery code shown at enrolment.
 */
recovery_code: string | null, };

/**
 * Result of `verify`.
 */
export type VerifyReport = {
/**
 * All scopes equal.
 */
equal: boolean,
/**
 * Scopes compared.
 */
scopes: number,
/**
 * Those that differ, as `owner/compartment`.
 */
differing: Array<string>,
/**
 * Accuracy after this comparison.
 */
accuracy: number | null,
/**
 * The seq compared at.
 */
seq: number,
/**
 * Records and conflict items of this copy that were compared.
 */
compared: number,
/**
 * Records and conflict items that differed.
 */
different: number,
/**
 * Those that were repaired.
 */
repaired: number,
/**
 * All scopes equal after the repair.
 */
equal_now: boolean, };

/**
 * A window.
 */
export type WindowArgs = {
/**
 * First row.
 */
offset: number,
/**
 * Rows wanted, at most 1,000.
 */
limit: number, };

/**
 * `{code, message, retryable, trace_id}`: what crosses every boundary of the product.
 */
export type WireError = {
/**
 * Stable snake-case word.
 */
code: string,
/**
 * A sentence for the operator.
 */
message: string,
/**
 * Whether trying again later may help.
 */
retryable: boolean,
/**
 * Where to find the internal text in the log; empty if there is none.
 */
trace_id: string, };

/** Every command with its arguments and its reply. */
export interface Commands {
  "app.info": { args: NoArgs; reply: AppInfo };
  "app.painted": { args: NoArgs; reply: Done };
  "app.unlock": { args: UnlockArgs; reply: Done };
  "enrol.join": { args: EnrolArgs; reply: Enrolled };
  "enrol.local": { args: LocalArgs; reply: Enrolled };
  "status": { args: NoArgs; reply: Status };
  "overview": { args: NoArgs; reply: Overview };
  "collections": { args: NoArgs; reply: Array<CollectionInfo> };
  "commands": { args: NoArgs; reply: Array<CommandInfo> };
  "list": { args: ListArgs; reply: Page };
  "facets": { args: FacetArgs; reply: Array<Facet> };
  "get": { args: RecordArgs; reply: Record };
  "set": { args: SetArgs; reply: ChangeMade };
  "create": { args: CreateArgs; reply: ChangeMade };
  "delete": { args: RecordArgs; reply: ChangeMade };
  "do": { args: DoArgs; reply: ChangeMade };
  "queue": { args: QueueArgs; reply: QueuePage };
  "queue.retry": { args: ChangeArgs; reply: Done };
  "queue.discard": { args: ChangeArgs; reply: Done };
  "queue.restore": { args: ChangeArgs; reply: ChangeMade };
  "queue.edit": { args: QueueEditArgs; reply: ChangeMade };
  "conflicts": { args: ConflictsArgs; reply: ConflictPage };
  "conflicts.resolve": { args: ResolveArgs; reply: ChangeMade };
  "conflicts.resolve_many": { args: ResolveManyArgs; reply: ResolvedMany };
  "text": { args: TextArgs; reply: ChangeMade };
  "history": { args: HistoryArgs; reply: HistoryPage };
  "as_of": { args: AsOfArgs; reply: AsOfRecord };
  "undo.preview": { args: ChangeArgs; reply: RollbackPreview };
  "undo": { args: ChangeArgs; reply: ChangeMade };
  "undo.last": { args: NoArgs; reply: ChangeMade };
  "redo.last": { args: NoArgs; reply: ChangeMade };
  "rollback.preview": { args: RollbackArgs; reply: RollbackPreview };
  "rollback": { args: RollbackArgs; reply: RolledBack };
  "recent": { args: WindowArgs; reply: Array<RecentChange> };
  "sync.now": { args: NoArgs; reply: Done };
  "sync.pause": { args: NoArgs; reply: Done };
  "sync.resume": { args: NoArgs; reply: Done };
  "monitor": { args: NoArgs; reply: Monitor };
  "verify": { args: NoArgs; reply: VerifyReport };
  "search": { args: SearchArgs; reply: Array<SearchHit> };
  "settings.get": { args: NameArgs; reply: Setting };
  "settings.set": { args: Setting; reply: Done };
}
