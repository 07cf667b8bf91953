/** What somebody entered into a form. */

/** The text of a field, trimmed; empty when there is none. */
export function textOf(fields: FormData, name: string): string {
  return asText(fields.get(name));
}

/** The texts of all fields of that name: ticked boxes. */
export function textsOf(fields: FormData, name: string): string[] {
  return fields.getAll(name).map(asText);
}

function asText(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value.trim() : "";
}
