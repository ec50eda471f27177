/**
 * What a handler returned, by its shape: a Response may come from another copy of fetch than ours.
 *
 * @throws TypeError for what is none.
 */
export function checkResponse(value: unknown): Response {
  if (typeof value === "object" && value !== null && "status" in value && "headers" in value) return value as Response;
  throw new TypeError("the handler returned no Response");
}

/**
 * A response that can be sent, before any of it is.
 *
 * @throws TypeError for one that is not the last answer to a request, such as `Response.error()`, and for one whose body is somebody
 * else's, as that of a Response which is returned twice.
 */
export function checkSendable(response: Response): Response {
  const { status } = response;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`the status of the response is ${status}, not from 200 to 599`);
  }
  // One of srvx's own has no stream until it is asked for one, and can be sent many times if it is not.
  if ("_toNodeResponse" in response) return response;
  const { body, bodyUsed } = response;
  if (bodyUsed || body?.locked === true) throw new TypeError("the body of the response is used or locked");
  return response;
}
