/// `show schema json`: the shape of `show stat json` and `show info json`, as a JSON schema (draft 4).
enum StatSchema {
    static let text =
        ##"{"$schema":"http://json-schema.org/draft-04/schema#","oneOf":["##
        + ##"{"title":"Info","type":"array","items":{"title":"InfoItem","type":"object","properties":{"## + common
        + ##"},"required":["field","processNum","tags","value"]}},"##
        + ##"{"title":"Stat","type":"array","items":{"title":"StatRow","type":"array","items":{"title":"StatItem","##
        + ##""type":"object","properties":{"objType":{"enum":["Frontend","Backend","Server"]},"##
        + ##""proxyId":{"type":"integer","minimum":0},"id":{"type":"integer","minimum":0},"## + common
        + ##"},"required":["objType","proxyId","id","field","processNum","tags","value"]}}}],"definitions":{"##
        + ##""field":{"type":"object","properties":{"pos":{"type":"integer","minimum":0},"name":{"type":"string"}},"##
        + ##""required":["pos","name"]},"processNum":{"type":"integer","minimum":1},"##
        + ##""tags":{"type":"object","properties":{"origin":{"type":"string","enum":["## + origins + ##"]},"##
        + ##""nature":{"type":"string","enum":["## + natures + ##"]},"scope":{"type":"string","enum":["## + scopes
        + ##"]}},"required":["origin","nature","scope"]},"typedValue":{"type":"object","properties":{"##
        + ##""type":{"type":"string"},"value":{"type":["integer","string"]}},"required":["type","value"]}}}"##

    private static let common =
        ##""field":{"$ref":"#/definitions/field"},"processNum":{"$ref":"#/definitions/processNum"},"##
        + ##""tags":{"$ref":"#/definitions/tags"},"value":{"$ref":"#/definitions/typedValue"}"##
    private static let origins = ##""Metric","Status","Key","Config","Product""##
    private static let natures =
        ##""Gauge","Limit","Min","Max","Rate","Counter","Duration","Age","Time","Name","Output","Avg""##
    private static let scopes = ##""Process","Service","System","Cluster""##
}
