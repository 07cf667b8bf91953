/** Addresses: what they mean, and where a return path may lead. */
import { describe, expect, test } from "vitest";
import { destinationOf, detour } from "../src/router/detour";
import { matchRoute } from "../src/router/router";
import { ROUTES, conversationPath } from "../src/router/routes";

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

describe("the way to a page", () => {
  const ASKED = "/authorize?client_id=a%26b&state=x%3Fnext%3D%2Fchat&scope=read+all";

  test("leads through every page in between", () => {
    let at = ASKED;
    for (const page of ["/sign-in", "/forgotten-password", "/sign-in", "/password", "/profile"]) {
      at = detour(page, destinationOf(at));
      expect(at.startsWith(`${page}?next=%2Fauthorize`)).toBe(true);
    }
    expect(destinationOf(at)).toBe(ASKED);
  });

  test.each([
    ["/", "/chat"],
    ["/chat/1?x=2", "/chat/1?x=2"],
    ["/sign-in", "/chat"],
    ["/password", "/chat"],
    ["/profile", "/profile"],
    ["/profile/?next=/audit", "/audit"],
    ["/sign-in?next=/sign-in", "/chat"],
    ["/sign-in?next=/sign-in%3Fnext%3D%252Faudit", "/audit"],
    ["/audit?next=/agents", "/audit?next=/agents"],
  ])("from %s leads to %s", (address, end) => {
    expect(destinationOf(address)).toBe(end);
  });

  test.each([
    "https://example.org", "//example.org", "/\\example.org", "javascript:x", "/\t/example.org", "", "/\\[",
  ])("never leads elsewhere: %s", (next) => {
    expect(destinationOf(`/sign-in?next=${encodeURIComponent(next)}`)).toBe("/chat");
    expect(destinationOf(next)).toBe("/chat");
  });

  test("is not written where it is home, or the page itself", () => {
    expect(detour("/sign-in", "/chat")).toBe("/sign-in");
    expect(detour("/profile", "/profile")).toBe("/profile");
  });
});
