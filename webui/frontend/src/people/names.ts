/** Names of roles and permissions, in words. */
import { msg } from "@lit/localize";

export function permissionName(name: string): string {
  switch (name) {
    case "manage":
      return msg("Everything, also deleting the organisation");
    case "assign_roles":
      return msg("Make roles and give privileged ones");
    case "view_billing":
      return msg("See invoices and costs");
    case "administrate":
      return msg("Set up agents, rules and keys");
    case "see_settings":
      return msg("See how the organisation is set up");
    case "manage_people":
      return msg("Change roles of people and suspend them");
    case "see_people":
      return msg("See people and their roles");
    case "see_audit":
      return msg("Read the audit log");
    case "develop":
      return msg("Look into how agents work");
    case "train":
      return msg("Train agents");
    case "use":
      return msg("Chat and use memory");
    case "view":
      return msg("Read");
    default:
      return name;
  }
}

/** What a person is to an agent. */
export function relationName(name: string): string {
  switch (name) {
    case "owner":
      return msg("Owner");
    case "admin":
      return msg("Administrator");
    case "developer":
      return msg("Developer");
    case "trainer":
      return msg("Trainer");
    case "user":
      return msg("User");
    case "viewer":
      return msg("Reader");
    default:
      return name;
  }
}
