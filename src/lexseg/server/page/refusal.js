// Why a question got no answer, whoever was asked.

export class Refusal extends Error {
  /** `status`: as HTTP counts; 0 where nothing answered. */
  constructor(code, message, status = 0, details = null) {
    super(message);
    Object.assign(this, { code, status, details });
  }
}
