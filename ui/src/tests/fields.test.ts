// Inline edit: Enter, Esc, Tab; and a remote change never touches text being edited.
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SetArgs } from "../lib/generated/rpc";
import { publish } from "../lib/state/bus";
import { drafts } from "../lib/state/drafts.svelte";
import RecordPane from "../parts/RecordPane.svelte";
import { BRAND, record, refusal, scripted, useModel, type Scripted } from "./scripted";

let host: Scripted;
let values: { [name: string]: string | number | null };
let states: { [name: string]: string };

beforeEach(async () => {
  values = { name: "Verdant Roots", status: "Active", employees: 12 };
  states = {};
  host = scripted({
    get: () => record(values, states),
    set: ({ fields }: SetArgs) => {
      Object.assign(values, fields);
      for (const name of Object.keys(fields)) states[name] = "pending";
      return { change: "c1", id: "id-1" };
    },
    list: () => ({ total: 0, rows: [] }),
  });
  useModel(BRAND);
  drafts.all = {};
  render(RecordPane, { collection: "brand", id: "id-1", onclose: () => undefined });
  await screen.findByTestId("field-name-edit");
});
afterEach(cleanup);

async function type(name: string, text: string): Promise<HTMLInputElement> {
  await fireEvent.click(screen.getByTestId(`field-${name}-edit`));
  const input = (await screen.findByTestId(`field-${name}-input`)) as HTMLInputElement;
  await fireEvent.input(input, { target: { value: text } });
  return input;
}

function changedElsewhere(): void {
  publish({ event: "changed", collections: { brand: { all: false, ids: ["id-1"] } }, seq: 8, local: false });
}

test("Enter saves once and shows that it waits", async () => {
  const input = await type("name", "Verdant Roots Group");
  await fireEvent.keyDown(input, { key: "Enter" });
  await waitFor(() => expect(screen.getByTestId("field-name-state").dataset.state).toBe("pending"));
  await fireEvent.blur(input);
  expect(host.of("set")).toEqual([{ collection: "brand", id: "id-1", fields: { name: "Verdant Roots Group" } }]);
  expect(screen.getByTestId("field-name").textContent).toContain("not sent yet");
});

test("Esc drops the text and writes nothing", async () => {
  const input = await type("name", "Nonsense");
  await fireEvent.keyDown(input, { key: "Escape" });
  await waitFor(() => expect(screen.getByTestId("field-name-edit").textContent).toBe("Verdant Roots"));
  expect(host.of("set")).toEqual([]);
  expect(drafts.all).toEqual({});
});

test("Tab saves and goes on to the next field", async () => {
  const input = await type("name", "Verdant");
  await fireEvent.keyDown(input, { key: "Tab" });
  await screen.findByTestId("field-status-options");
  expect(host.of("set")).toHaveLength(1);
});

test("leaving the field saves it", async () => {
  const input = await type("employees", "40");
  input.blur();
  await waitFor(() => expect(host.of("set")).toEqual([{ collection: "brand", id: "id-1", fields: { employees: 40 } }]));
});

test("leaving the window saves nothing: the text stays in its editor", async () => {
  const input = await type("employees", "40");
  input.focus();
  await fireEvent.blur(input);
  expect(host.of("set")).toEqual([]);
  expect(input.value).toBe("40");
});

test("unchanged text is no edit", async () => {
  const input = await type("name", "Verdant Roots");
  await fireEvent.keyDown(input, { key: "Enter" });
  await screen.findByTestId("field-name-edit");
  expect(host.of("set")).toEqual([]);
});

test("a value that does not fit is said beside it and kept", async () => {
  const input = await type("employees", "many");
  await fireEvent.keyDown(input, { key: "Enter" });
  await screen.findByText(/takes a whole number/);
  expect(input.value).toBe("many");
  expect(host.of("set")).toEqual([]);
});

test("a refusal keeps the text, with its words and code", async () => {
  host.script.set = () => {
    throw refusal("not_allowed", "Your role may not rename brands.");
  };
  const input = await type("name", "Mine");
  await fireEvent.keyDown(input, { key: "Enter" });
  await screen.findByText(/Your role may not rename brands/);
  expect(screen.getByText("not_allowed")).toBeTruthy();
  expect((screen.getByTestId("field-name-input") as HTMLInputElement).value).toBe("Mine");
});

test("1,000 changes from elsewhere lose no typed character, and are said inline", async () => {
  const input = await type("name", "");
  let typed = "";
  for (let i = 0; i < 1_000; i += 1) {
    values.name = `Theirs ${i}`;
    changedElsewhere();
    typed += String.fromCharCode(97 + (i % 26));
    await fireEvent.input(input, { target: { value: typed } });
  }
  await waitFor(() => expect(screen.getByTestId("field-name-changed").textContent).toContain("Theirs 999"));
  expect((screen.getByTestId("field-name-input") as HTMLInputElement).value).toBe(typed);
  await fireEvent.keyDown(input, { key: "Enter" });
  await waitFor(() => expect(host.of("set")).toEqual([{ collection: "brand", id: "id-1", fields: { name: typed } }]));
});

test("a change from elsewhere tints the field and shows the new value", async () => {
  values.status = "Growing";
  changedElsewhere();
  await waitFor(() => expect(screen.getByTestId("field-status-edit").textContent).toBe("Growing"));
  expect(screen.getByTestId("field-status-edit").className).toContain("tint");
});

test("a word is picked by keyboard", async () => {
  await fireEvent.click(screen.getByTestId("field-status-edit"));
  const list = await screen.findByTestId("field-status-options");
  await fireEvent.keyDown(list, { key: "ArrowDown" });
  await fireEvent.keyDown(list, { key: "Enter" });
  await waitFor(() => expect(host.of("set")).toEqual([{ collection: "brand", id: "id-1", fields: { status: "Growing" } }]));
});

describe("drafts", () => {
  test("typed text is stored within 250 ms and survives closing the pane", async () => {
    await type("name", "Half a na");
    await waitFor(() => expect(host.of("settings.set").length).toBeGreaterThan(0), { timeout: 250 });
    expect(JSON.stringify(host.of("settings.set").at(-1))).toContain("Half a na");
    cleanup();
    render(RecordPane, { collection: "brand", id: "id-1", onclose: () => undefined });
    const input = (await screen.findByTestId("field-name-input")) as HTMLInputElement;
    expect(input.value).toBe("Half a na");
    expect(screen.getByTestId("field-name").textContent).toContain("Unfinished edit");
  });
});

test("a deleted record says so and keeps its last words", async () => {
  host.script.get = () => {
    throw refusal("not_found");
  };
  changedElsewhere();
  await screen.findByText("This record was deleted");
  expect(screen.getByTestId("field-name-edit").textContent).toBe("Verdant Roots");
});
