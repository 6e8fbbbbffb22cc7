using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Verification;

/// <summary>
/// Every command, and every policy key with every value, signed by every set of holders with every state of a key, under every threshold: the expected outcome is
/// told by rules written here, and the verifier must give it.
/// </summary>
public sealed class AuthorityMatrixTests
{
    private const long Now = RootDraft.Created + 10;
    private const int FewestCases = 22_000;
    private static readonly string[] People = ["alice", "bob", "carol", "dave"];
    private static readonly Dictionary<string, SigningKey> Keys = People.ToDictionary(name => name, _ => SigningKey.Generate());
    private static readonly Dictionary<string, SigningKey> Second = People.ToDictionary(name => name, _ => SigningKey.Generate());
    private static readonly SigningKey Retired = SigningKey.Generate();
    private static readonly SigningKey Revoked = SigningKey.Generate();
    private static readonly SigningKey Stranger = SigningKey.Generate();
    private static readonly Verifier Verifier = new(new VerifierOptions
    {
        Keys = [Stranger.Public],
        SystemId = RootDraft.ThisSystem,
        Commands = new HashSet<string>(StringComparer.Ordinal)
        {
            Commands.SetPolicy, Commands.GetStatus, Commands.GetCheckpoint, Commands.GetEntries, Commands.GetProof, Commands.GetConsistency,
            Commands.GetTrustRoot, Commands.Backup, Commands.GetBackup,
        },
    });

    /// <summary>What a key that signs may be, beside active.</summary>
    private enum KeyState
    {
        Active,
        SecondOfItsHolder,
        Retired,
        Revoked,
        Unknown,
        BadSignature,
    }

    /// <summary>Role to its holders; the thresholds vary.</summary>
    private static readonly Dictionary<string, string[]> RoleHolders = new()
    {
        ["root"] = ["alice", "bob", "carol"],
        ["operator"] = ["alice", "bob"],
        ["arming"] = ["alice", "bob", "carol"],
        ["kernel"] = ["bob", "carol", "dave"],
        ["radio"] = ["dave", "carol"],
        ["timeout"] = ["carol", "dave"],
        ["keeper"] = ["dave"],
    };

    [Fact]
    public void Every_case_has_its_one_outcome()
    {
        int cases = 0;
        foreach (var (threshold, isExpired) in new[] { (1, false), (2, false), (3, false), (1, true), (2, true), (3, true) })
        {
            TrustRoot root = Root(threshold, isExpired);
            foreach (var (what, draft) in Targets())
            {
                foreach (string[] signers in Subsets(People))
                {
                    foreach (KeyState state in signers.Length == 0 ? [KeyState.Active] : Enum.GetValues<KeyState>())
                    {
                        ErrorCode? expected = Expected(draft, signers, state, threshold, isExpired);
                        ErrorCode? actual = Judge(root, draft, signers, state);
                        Assert.True(expected == actual, $"{what}, signed by {string.Join('+', signers)} ({state}), threshold {threshold}{(isExpired ? ", expired" : "")}: {actual}, not {expected}");
                        cases++;
                    }
                }
            }
        }
        Assert.True(cases >= FewestCases, $"{cases} cases");
    }

    [Fact]
    public void Every_set_of_holders_signs_the_next_trust_root_or_does_not()
    {
        foreach (int threshold in new[] { 1, 2, 3 })
        {
            TrustRoot root = Root(threshold);
            foreach (string[] signers in Subsets(People).Where(signers => signers.Length > 0))
            {
                foreach (KeyState state in Enum.GetValues<KeyState>())
                {
                    // A key that is not listed names no holder.
                    bool isListed = state is not (KeyState.Retired or KeyState.Revoked or KeyState.Unknown);
                    ErrorCode? expected = (isListed ? signers : signers[1..]).Intersect(RoleHolders["root"]).Count() < threshold ? ErrorCode.NotAuthorised
                        : !isListed ? ErrorCode.UnknownKey
                        : state == KeyState.BadSignature ? ErrorCode.BadSignature
                        : null;
                    SigningKey[] keys = SignAs(signers, state);
                    SignedRoot next = RootDraft.Signed(JsonText.ToText(root.Document).Replace("\"version\":1,", "\"version\":2,", StringComparison.Ordinal), keys);
                    if (state == KeyState.BadSignature)
                        next = Spoiled(next, keys[0].Public.Id);
                    Assert.Equal(expected, RootChain.Refusal(root, next, RootDraft.ThisSystem, Now)?.Code);
                }
            }
        }
    }

    /// <summary>The rules in words: who must sign, and how many.</summary>
    private static (string[] Holders, int Threshold)? Needed(string command, string? key, JsonValue? value, int threshold)
    {
        int Of(string role) => Math.Min(threshold, RoleHolders[role].Length);
        if (command == Commands.Backup)
            return (RoleHolders["keeper"], 1);
        // Both by "get_*".
        if (command is Commands.GetStatus or Commands.GetBackup)
            return (RoleHolders["operator"], Of("operator"));
        if (key == "GHOST.trigger" && JsonValue.Of("armed").Equals(value))
            return (RoleHolders["arming"], Of("arming"));
        if (key == "KERNEL_HARDENING" && (JsonValue.Of("paranoid").Equals(value) || JsonValue.Of("strict").Equals(value)))
            return (RoleHolders["kernel"], Of("kernel"));
        if (key == "RADIO_IDLE_TIMEOUT_MIN")
            return (RoleHolders["timeout"], Of("timeout"));
        if (key!.StartsWith("RADIO_", StringComparison.Ordinal))
            return (RoleHolders["radio"], Of("radio"));
        // Nobody was given the rest.
        return key.StartsWith("DURESS.", StringComparison.Ordinal) ? null : (RoleHolders["operator"], Of("operator"));
    }

    private static ErrorCode? Expected(MessageDraft draft, string[] signers, KeyState state, int threshold, bool isExpired)
    {
        bool isLook = draft.Command is Commands.GetCheckpoint or Commands.GetEntries or Commands.GetProof or Commands.GetConsistency or Commands.GetTrustRoot
            || (draft.Command == Commands.GetStatus && draft.Args is null);
        if (signers.Length == 0)
            return isLook ? null : draft.Command == Commands.SetPolicy ? ErrorCode.BadRequest : ErrorCode.BadSignature;
        if (state is KeyState.Retired or KeyState.Revoked or KeyState.Unknown)
            return ErrorCode.UnknownKey;
        if (state == KeyState.BadSignature)
            return ErrorCode.BadSignature;
        if (isLook)
            return null;
        string? key = draft.Command == Commands.SetPolicy ? draft.Args!.Members[0].Key : null;
        JsonValue? value = key is null ? null : draft.Args!.Members[0].Value;
        bool isMet = Needed(draft.Command, key, value, threshold) is { } needed && needed.Holders.Intersect(signers).Count() >= needed.Threshold;
        // What has ended lets through what cannot wait: the event, by those who may fire it.
        return isMet && (!isExpired || JsonValue.Of("fire").Equals(value)) ? null : ErrorCode.NotAuthorised;
    }

    private static ErrorCode? Judge(TrustRoot root, MessageDraft draft, string[] signers, KeyState state)
    {
        Envelope? envelope;
        Refusal? refusal;
        if (signers.Length == 0)
        {
            var bare = draft with { Nonce = draft.Command == Commands.SetPolicy ? draft.Nonce : null, Timestamp = draft.Command == Commands.SetPolicy ? draft.Timestamp : null };
            return EnvelopeWriter.TryWriteUnsigned(bare, out envelope, out refusal) ? Code(root, envelope) : refusal.Code;
        }
        SigningKey[] keys = SignAs(signers, state);
        Assert.True(EnvelopeWriter.TrySignNamed(draft, keys, out envelope, out refusal), refusal?.Reason);
        if (state == KeyState.BadSignature)
            envelope = new Envelope(envelope.Message, [envelope.Signatures[0] with { Bytes = Stranger.Sign(envelope.Message.Canonical.Span) }, .. envelope.Signatures.Skip(1)], envelope.Raw);
        return Code(root, envelope);
    }

    private static SignedRoot Spoiled(SignedRoot root, KeyId key)
    {
        string text = JsonText.ToText(root.ToJson());
        string good = Convert.ToBase64String(root.Signatures.Single(signature => signature.Key == key).Bytes.Span);
        text = text.Replace(good, Convert.ToBase64String(Stranger.Sign(root.Root.SignedBytes())), StringComparison.Ordinal);
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(text), out var json, out _) && SignedRoot.TryRead(json, out root!, out _));
        return root;
    }

    private static SigningKey[] SignAs(string[] signers, KeyState state)
    {
        SigningKey[] keys = [.. signers.Select(name => Keys[name])];
        keys[0] = state switch
        {
            KeyState.SecondOfItsHolder => Second[signers[0]],
            KeyState.Retired => Retired,
            KeyState.Revoked => Revoked,
            KeyState.Unknown => Stranger,
            _ => keys[0],
        };
        return keys;
    }

    private static ErrorCode? Code(TrustRoot root, Envelope envelope) => Verifier.Check(envelope, new EffectiveTime(Now, 0), root).TryGet(out _, out var refusal) ? null : refusal.Code;

    private static IEnumerable<(string What, MessageDraft Draft)> Targets()
    {
        foreach (PolicyKey key in PolicySchema.BuiltIn.Keys)
        {
            foreach (JsonValue value in Values(key))
                yield return ($"{key.Name}={JsonText.ToText(value)}", Draft(Commands.SetPolicy, JsonValue.Object([(key.Name, value)])));
        }
        yield return ("get_status", Draft(Commands.GetStatus));
        yield return ("get_status with reveal", Draft(Commands.GetStatus, JsonValue.Object([("reveal", JsonValue.True)])));
        yield return ("backup", Draft(Commands.Backup));
        yield return ("get_backup", Draft(Commands.GetBackup, JsonValue.Object([("name", JsonValue.Of("x")), ("offset", JsonValue.Of(0))])));
        yield return ("get_checkpoint", Draft(Commands.GetCheckpoint));
        yield return ("get_trust_root", Draft(Commands.GetTrustRoot));
        yield return ("get_proof", Draft(Commands.GetProof, JsonValue.Object([("index", JsonValue.Of(0))])));
        yield return ("get_entries", Draft(Commands.GetEntries, JsonValue.Object([("from", JsonValue.Of(0)), ("skip", JsonValue.Of(0))])));
        yield return ("get_consistency", Draft(Commands.GetConsistency, JsonValue.Object([("old", JsonValue.Of(0)), ("new", JsonValue.Of(0))])));
    }

    /// <summary>All of an enumeration; three of the integers.</summary>
    private static IEnumerable<JsonValue> Values(PolicyKey key) => key.Type switch
    {
        PolicyType.Boolean => [JsonValue.True, JsonValue.False],
        PolicyType.Integer => [JsonValue.Of(0), JsonValue.Of(10), JsonValue.Of(999)],
        _ => key.Values.Select(value => value.ToJson()),
    };

    private static MessageDraft Draft(string command, JsonValue? args = null) => new()
    {
        Command = command, Args = args, Nonce = Nonce.Random(), Timestamp = Now, System = RootDraft.ThisSystem,
    };

    private static IEnumerable<string[]> Subsets(string[] all) =>
        Enumerable.Range(0, 1 << all.Length).Select(bits => all.Where((_, i) => (bits & (1 << i)) != 0).ToArray());

    private static TrustRoot Root(int threshold, bool isExpired = false)
    {
        (string, string) Role(string name, string more) => (name, RootDraft.Role(RoleHolders[name], Math.Min(threshold, RoleHolders[name].Length), more));
        string keys = string.Join(',', PolicySchema.BuiltIn.Keys.Where(key => !key.Name.StartsWith("DURESS.", StringComparison.Ordinal))
            .Select(key => $"{{\"key\":\"{key.Name[..1]}*\"}}").Distinct());
        return (new RootDraft
        {
            Holders = [.. People.Select(name => (name, new[] { Keys[name].Public, Second[name].Public }))],
            Roles =
            [
                Role("root", ""),
                Role("operator", $"\"commands\":[\"get_*\"],\"policy\":[{keys}]"),
                Role("arming", "\"policy\":[{\"key\":\"GHOST.*\",\"values\":[\"armed\"]}]"),
                Role("kernel", "\"policy\":[{\"key\":\"KERNEL_HARDENING\",\"values\":[\"strict\",\"paranoid\"]}]"),
                Role("radio", "\"policy\":[{\"key\":\"RADIO_*\"}]"),
                Role("timeout", "\"policy\":[{\"key\":\"RADIO_IDLE_TIMEOUT_MIN\"}]"),
                Role("keeper", "\"commands\":[\"backup\"]"),
            ],
            Revoked = [(Revoked.Public.Id, 0)],
            ExpiresSeconds = isExpired ? Now - 1 : RootDraft.Created + RootDraft.Year,
        }).Root();
    }
}
