/** A refusal of the oapi family: `errcode` inside an HTTP 200. */
export class OapiRefusal extends Error {
  override name = 'OapiRefusal'
  readonly errcode: number

  constructor(errcode: number, message: string) {
    super(message)
    this.errcode = errcode
  }
}

/** One of the gateway's own, which wraps the code that matters into its 88. */
export class GatewayRefusal extends Error {
  override name = 'GatewayRefusal'
  readonly subCode: string

  constructor(subCode: string, message: string) {
    super(message)
    this.subCode = subCode
  }
}
