// Calls of the endpoint that this page came from. The token is kept here and nowhere else.

let token = "";

export class Refused extends Error {
  // `code` 0: there was no answer.
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export function useToken(value) {
  token = value;
}

export function hasToken() {
  return token !== "";
}

export async function call(path, body) {
  const response = await send(path, body);
  const content = parsed(await response.text());
  if (!response.ok) {
    throw new Refused(response.status, content?.error?.message ?? `The endpoint answered with ${response.status}.`);
  }
  return content;
}

async function send(path, body) {
  const headers = new Headers();
  try {
    if (token) headers.set("Authorization", `Bearer ${token}`);
  } catch {
    throw new Refused(401, "A token has no such characters.");
  }
  if (body !== undefined) headers.set("Content-Type", "application/json");
  try {
    return await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body });
  } catch {
    throw new Refused(0, "The endpoint does not answer.");
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
