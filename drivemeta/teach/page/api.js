// Talking to the server: JSON both ways, one action after the other, and what changed as it changes.

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function answer(response) {
  if (response.ok) return response;
  let words = `the server answered ${response.status}`;
  try {
    words = (await response.json()).error ?? words;
  } catch { /* no JSON: the status says it */ }
  throw new Refused(words, response.status);
}

export const get = async (path, options = {}) => answer(await fetch(`api/${path}`, options));
export const getJson = async (path, options) => (await get(path, options)).json();

export async function post(path, body) {
  const headers = { "content-type": "application/json" };
  const sent = { method: "POST", headers, body: JSON.stringify(body) };
  return (await answer(await fetch(`api/${path}`, sent))).json();
}

export const place = (clip, frame) => `${encodeURIComponent(clip)}/${frame}`;
export const cropUrl = (hit) =>
  `api/crop/${place(hit.clip, hit.frame)}?box=${hit.xyxy.join(",")}`;

// Calls `apply` with every new state; `lost` with why there is none.
export async function follow(stamp, apply, lost) {
  for (;;) {
    try {
      apply(await getJson(`state?seen=${stamp()}`));
    } catch (error) {
      lost(error);
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

// Steps that change the project, in the order in which they were asked for.
export class Steps {
  #last = Promise.resolve();

  constructor(revision, apply, failed) {
    Object.assign(this, { revision, apply, failed });
  }

  do(path, body = {}) {
    this.#last = this.#last.then(async () => {
      try {
        const withRevision = path === "export" ? body : { revision: this.revision(), ...body };
        this.apply(await post(path, withRevision));
        return true;
      } catch (error) {
        if (error.status === 409) this.apply(await getJson("state?seen=0"), true);
        this.failed(error);
        return false;
      }
    });
    return this.#last;
  }
}
