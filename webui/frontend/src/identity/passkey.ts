/**
 * Passkeys: the browser's `navigator.credentials`, with JSON on our side (WebAuthn level 3, 5.1.8).
 *
 * The conversions are our own: those of the browsers are younger than the browsers we support.
 */
import { msg } from "@lit/localize";
import { ApiError } from "../api/http";
import type { Asked, Credential } from "./identity-api";

interface JsonDescriptor {
  id: string;
  type: "public-key";
  transports?: AuthenticatorTransport[];
}

type JsonCreation = Omit<
  PublicKeyCredentialCreationOptions,
  "challenge" | "user" | "excludeCredentials"
> & {
  challenge: string;
  user: { id: string; name: string; displayName: string };
  excludeCredentials?: JsonDescriptor[];
};

type JsonRequest = Omit<PublicKeyCredentialRequestOptions, "challenge" | "allowCredentials"> & {
  challenge: string;
  allowCredentials?: JsonDescriptor[];
};

/** Whether this browser, at this address, can have passkeys at all: numbers are no address for one. */
export function hasPasskeys(): boolean {
  return "PublicKeyCredential" in window && !/^[\d.]+$|^\[/.test(location.hostname);
}

export async function makePasskey(asked: Asked): Promise<Credential> {
  const options = asked.options as unknown as JsonCreation;
  const made = await attempt(() =>
    navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: (options.excludeCredentials ?? []).map(descriptor),
      },
    }),
  );
  const answer = made.response as AuthenticatorAttestationResponse;
  return json(made, {
    clientDataJSON: text(answer.clientDataJSON),
    attestationObject: text(answer.attestationObject),
  });
}

export async function showPasskey(asked: Asked): Promise<Credential> {
  const options = asked.options as unknown as JsonRequest;
  const shown = await attempt(() =>
    navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: (options.allowCredentials ?? []).map(descriptor),
      },
    }),
  );
  const answer = shown.response as AuthenticatorAssertionResponse;
  return json(shown, {
    clientDataJSON: text(answer.clientDataJSON),
    authenticatorData: text(answer.authenticatorData),
    signature: text(answer.signature),
    userHandle: answer.userHandle === null ? null : text(answer.userHandle),
  });
}

async function attempt(ask: () => Promise<unknown>): Promise<PublicKeyCredential> {
  try {
    const found = await ask();
    if (found instanceof PublicKeyCredential) return found;
  } catch (failure) {
    if (!(failure instanceof DOMException)) throw failure;
  }
  throw new ApiError({
    type: "/problems/passkey-left",
    title: msg("The passkey was not used"),
    status: 0,
    detail: msg("It was cancelled, took too long, or this device has none for here."),
    instance: "",
    code: "passkey-left",
  });
}

function json(credential: PublicKeyCredential, response: Record<string, string | null>): Credential {
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

function descriptor(one: JsonDescriptor): PublicKeyCredentialDescriptor {
  return { ...one, id: bytes(one.id) };
}

function bytes(value: string): Uint8Array<ArrayBuffer> {
  const plain = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(value: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(value));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
