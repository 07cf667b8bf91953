/**
 * The secret of a link that came by mail. It stands behind the "#", which no server is told, and goes
 * from the address as soon as it is read; the tab keeps it, so that one may sign in before.
 */
const KEY = "soma.link";
const LINK = /^#token=([\w-]+)$/;

// Another link to the page that is open already is no new page by itself.
addEventListener("hashchange", () => {
  if (LINK.test(location.hash)) location.reload();
});

export function linkSecret(): string {
  const found = LINK.exec(location.hash)?.[1];
  if (found !== undefined) {
    sessionStorage.setItem(KEY, found);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY) ?? "";
}
