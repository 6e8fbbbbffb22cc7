using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>A client under its root, and beside it a bus that keeps trust roots as a daemon does: judged by the library's own chain and verifier.</summary>
internal sealed class TrustTrial : IDisposable
{
    public const string System = "0123456789abcdef0123456789abcdef";

    private readonly Lock gate = new();
    private readonly FakeBus bus;
    private readonly VerifyingKey anchor;

    public TrustTrial()
    {
        // Somebody sits there and says yes.
        (Client.HasPerson, Client.Input) = (true, "yes\n");
        Client.IsOf(System);
        Run("anna", "key", "show");
        anchor = KeyOf("anna");
        Client.Enrol(anchor);
        bus = new FakeBus(Client.Socket, request => Encoding.UTF8.GetBytes(JsonText.ToText(Answer(request)) + "\n"));
    }

    public ClientTrial Client { get; } = new();

    public List<SignedRoot> Roots { get; } = [];

    public string Output => Client.Output;

    public string Error => Client.Error;

    /// <summary>Changes that were taken, as sent.</summary>
    public List<string> Taken { get; } = [];

    /// <summary>What the daemon says of itself otherwise than it is.</summary>
    public Func<JsonValue, JsonValue> Lie { get; set; } = answer => answer;

    /// <summary>Called with each request before it is judged.</summary>
    public Action<string> Before { get; set; } = _ => { };

    /// <summary>Versions that the gateways have; by default none is configured.</summary>
    public Dictionary<string, long?> Gateways { get; } = [];

    public TrustRoot Current => Roots.Count == 0 ? TrustRoot.Implicit([anchor]) : Roots[^1].Root;

    public long Now => Client.Clock.GetUtcNow().ToUnixTimeSeconds();

    public string HomeOf(string person) => Path.Combine(Client.Root, "home-" + person);

    public string At(string name) => Path.Combine(Client.Root, name);

    public VerifyingKey KeyOf(string person) => new KeyHome(HomeOf(person)).TryLoadPublic(out var key, out var fault) ? key : throw new InvalidOperationException(fault);

    /// <summary>Runs the client as somebody who has a key home of their own.</summary>
    public int Run(string person, params string[] arguments) =>
        Client.RunBare(["--root", Client.Root, "--home", HomeOf(person), "--socket", Client.Socket, .. arguments]);

    /// <summary>A person with a key; NAME=FILE for them.</summary>
    public string Person(string name)
    {
        Run(name, "key", "show");
        return $"{name}={Path.Combine(HomeOf(name), "ed25519_pk")}";
    }

    /// <summary>Anna, Bert and Carl, of whom two together sign what is dangerous.</summary>
    public void InitGroup()
    {
        var file = At("first.json");
        if (Run("anna", "trust", "init", "--holder", "anna", "--add", Person("bert"), "--add", Person("carl"), "--out", file) != 0
            || Run("bert", "sign", file, "--yes") != 0 || Run("anna", "send", file) != 0)
            throw new InvalidOperationException(Error);
    }

    public void Dispose()
    {
        bus.Dispose();
        Client.Dispose();
    }

    private JsonValue Answer(string request)
    {
        lock (gate)
        {
            Before(request);
            return Lie(Judge(request));
        }
    }

    private JsonValue Judge(string request)
    {
        if (!EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request), out var envelope, out var refusal))
            return Refuse(refusal);
        var message = envelope.Message;
        return message.Command switch
        {
            "get_status" => envelope.IsSigned && RefusalOf(envelope) is { } refused ? Refuse(refused) : Status(envelope.IsSigned),
            "get_trust_root" => Root(message),
            "trust_root" => Take(message),
            _ => Change(envelope, request),
        };
    }

    /// <summary>Of a class with confidential values it gives no hash to who has not signed.</summary>
    private JsonValue Status(bool isSigned) => JsonValue.Object(
    [
        ("status", JsonValue.Of("ok")),
        ("policy", JsonValue.Object()),
        ("base", JsonValue.Object([("gateway", JsonValue.Of(new string('a', 64))), .. isSigned ? [("dom0", JsonValue.Of(new string('b', 64)))] : Array.Empty<(string, JsonValue)>()])),
        ("size", JsonValue.Of(7 + Roots.Count)),
        ("root_hash", JsonValue.Of(new string('c', 64))),
        ("system", JsonValue.Of(System)),
        ("trust", Roots.Count == 0 ? JsonValue.Null : JsonValue.Object(
        [
            ("version", JsonValue.Of(Current.Version)), ("sha256", JsonValue.Of(Current.Hash)), ("index", JsonValue.Of(6 + Roots.Count)), ("expires", JsonValue.Of(Current.ExpiresSeconds)),
        ])),
        ("gateways", JsonValue.Object(Gateways.Select(pair => (pair.Key, JsonValue.Object([("taken", JsonValue.Null), ("behind", JsonValue.False), .. pair.Value is { } version ? [("trust_version", JsonValue.Of(version))] : Array.Empty<(string, JsonValue)>()]))))),
    ]);

    private JsonValue Root(Message message)
    {
        var version = message.Args!.TryGet("version", out var asked) && asked.TryGetInteger(out var number) ? number : Current.Version;
        return JsonValue.Object([("status", JsonValue.Of("ok")), .. Roots[(int)version - 1].ToJson().Members.Select(member => (member.Key, member.Value)), ("version", JsonValue.Of(Current.Version)), ("index", JsonValue.Of(6 + version))]);
    }

    private JsonValue Take(Message message)
    {
        if (!SignedRoot.TryRead(message.Args, out var next, out var fault))
            return Refuse(new Refusal(ErrorCode.BadRequest, fault));
        if (!RootChain.IsSame(Current, next.Root))
        {
            if (RootChain.Refusal(Current, next, System, Now) is { } refusal)
                return Refuse(refusal);
            Roots.Add(next);
        }
        return JsonValue.Object([("status", JsonValue.Of("ok")), ("result", JsonValue.Object([("version", JsonValue.Of(Current.Version))])), ("index", JsonValue.Of(6 + Roots.Count))]);
    }

    private JsonValue Change(Envelope envelope, string request)
    {
        if (RefusalOf(envelope) is { } refusal)
            return Refuse(refusal);
        Taken.Add(request);
        return JsonValue.Object(
        [
            ("status", JsonValue.Of("ok")),
            ("result", JsonValue.Object([("runtime_applied", JsonValue.Array(envelope.Message.Args!.Members.Select(member => member.Key))), ("reboot_staged", JsonValue.Array())])),
            ("index", JsonValue.Of(100)),
        ]);
    }

    private Refusal? RefusalOf(Envelope envelope)
    {
        Verifier verifier = new(new VerifierOptions { Keys = [anchor], SystemId = System, Commands = new HashSet<string> { "set_policy", "backup", "get_status" } });
        return verifier.Check(envelope, new EffectiveTime(Now, 0), Current).TryGet(out _, out var refusal) ? null : refusal;
    }

    private static JsonValue Refuse(Refusal refusal) => JsonValue.Object(
        [("status", JsonValue.Of("error")), ("reason", JsonValue.Of(refusal.Reason)), ("code", JsonValue.Of(ErrorCodes.Name(refusal.Code))), .. (refusal.Extra ?? []).Select(pair => (pair.Key, pair.Value))]);
}
