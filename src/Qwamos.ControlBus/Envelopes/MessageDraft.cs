using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>What a client wants to say, before it is signed. Members left null are left out of <c>msg</c>.</summary>
public sealed record MessageDraft
{
    public required string Command { get; init; }

    public JsonValue? Args { get; init; }

    public Nonce? Nonce { get; init; }

    /// <summary>Unix seconds.</summary>
    public long? Timestamp { get; init; }

    /// <summary>Unix seconds.</summary>
    public long? Expires { get; init; }

    public IReadOnlyList<string>? Audience { get; init; }

    public string? System { get; init; }

    public IReadOnlyDictionary<string, string>? Base { get; init; }

    public string? Reason { get; init; }

    /// <summary><c>auto</c> or <c>staged</c>; null leaves it out, which means auto.</summary>
    public string? Mode { get; init; }

    internal JsonValue ToDocument()
    {
        var members = new List<(string, JsonValue)> { ("command", JsonValue.Of(Command)) };
        if (Args is not null)
            members.Add(("args", Args));
        if (Nonce is { } nonce)
            members.Add(("nonce", JsonValue.Of(nonce.ToString())));
        if (Timestamp is { } timestamp)
            members.Add(("timestamp", JsonValue.Of(timestamp)));
        if (Expires is { } expires)
            members.Add(("expires", JsonValue.Of(expires)));
        if (Audience is not null)
            members.Add(("audience", JsonValue.Array(Audience)));
        if (System is not null)
            members.Add(("system", JsonValue.Of(System)));
        if (Base is not null)
            members.Add(("base", JsonValue.Object(Base.Select(pair => (pair.Key, JsonValue.Of(pair.Value))))));
        if (Reason is not null)
            members.Add(("reason", JsonValue.Of(Reason)));
        if (Mode is not null)
            members.Add(("mode", JsonValue.Of(Mode)));
        return JsonValue.Object(members);
    }
}
