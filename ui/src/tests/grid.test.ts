import { describe, expect, it } from "vitest";
import { fitting, type GridColumn } from "../parts/grid";

const COLUMNS: readonly GridColumn[] = [
  { id: "record", label: "Record", width: 200 },
  { id: "why", label: "Why", width: 200, yields: 1 },
  { id: "state", label: "State", width: 100 },
  { id: "attempts", label: "Times sent", width: 100, yields: 2 },
];
const ids = (room: number) => fitting(COLUMNS, room).map((c) => c.id);

describe("columns where there is little room", () => {
  it("are all there while they fit, or before the room is known", () => {
    expect(ids(600)).toEqual(["record", "why", "state", "attempts"]);
    expect(ids(0)).toEqual(["record", "why", "state", "attempts"]);
  });
  it("yield in their order, the others keep their places", () => {
    expect(ids(599)).toEqual(["record", "why", "state"]);
    expect(ids(499)).toEqual(["record", "state"]);
  });
  it("that do not yield stay, and scroll", () => {
    expect(ids(100)).toEqual(["record", "state"]);
  });
});
