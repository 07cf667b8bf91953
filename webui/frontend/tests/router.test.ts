/** Addresses: what they mean, and where a return path may lead. */
import { describe, expect, test } from "vitest";
import { matchRoute, safeReturnPath } from "../src/router/router";
import { ROUTES, conversationPath, signInPath } from "../src/router/routes";

describe("routes", () => {
  test.each([
    ["/", "chat", {}],
    ["/chat", "chat", {}],
    ["/chat/", "chat", {}],
    ["/chat/0197", "chat", { conversation: "0197" }],
    ["/agents/new", "agents", { agent: "new" }],
    ["/platform/providers", "providers", {}],
  ])("%s is %s", (path, name, params) => {
    expect(matchRoute(ROUTES, path)).toEqual({ name, params });
  });

  test.each(["/nowhere", "/chat/a/b", "/platform", "/chat/%E0%A4%A"])("%s is unknown", (path) => {
    expect(matchRoute(ROUTES, path)).toBeNull();
  });

  test("an id survives its way through the address", () => {
    expect(matchRoute(ROUTES, conversationPath("a b/ü"))?.params).toEqual({
      conversation: "a b/ü",
    });
  });
});

describe("return paths", () => {
  test("lead back to a page of this interface", () => {
    expect(safeReturnPath("/chat/1?x=2", "/chat")).toBe("/chat/1?x=2");
  });

  test.each(["https://example.org", "//example.org", "/\\example.org", "javascript:x", null])(
    "%s leads nowhere else",
    (path) => {
      expect(safeReturnPath(path, "/chat")).toBe("/chat");
    },
  );

  test("never lead to the sign-in page itself", () => {
    expect(safeReturnPath("/sign-in?next=/sign-in", "/chat")).toBe("/chat");
    expect(signInPath("/chat/1?a=b")).toBe("/sign-in?next=%2Fchat%2F1%3Fa%3Db");
  });
});
