using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Trust;

/// <summary>
/// The form of a trust root, and what must hold within one (ATTACKS 2, 3, 4): every key is sound and stands once, every threshold can be met, every role names holders
/// that exist, no revoked key is active.
/// </summary>
internal static class TrustRootReader
{
    private const long Format = 1;
    private const string Ed25519 = "ed25519";
    private const int MaxNameChars = 32;

    /// <summary>Reads <c>root</c>; any other member, form or value is a fault.</summary>
    public static bool TryRead(JsonValue document, [NotNullWhen(true)] out TrustRoot? root, [NotNullWhen(false)] out string? fault)
    {
        root = null;
        var reader = new MemberReader(document, "the trust root");
        reader.Integer("format", Format, Format);
        string system = reader.Text("system", Keys.SystemId.Digits);
        if (!LowerHex.Is(system, Keys.SystemId.Digits))
            reader.Refuse($"the trust root: system must be {Keys.SystemId.Digits} lower-case hex digits");
        long version = reader.Integer("version", 1, Limits.MaxSafeInteger);
        long created = reader.Integer("created", 0, Limits.MaxSafeInteger);
        long expires = reader.Integer("expires", 0, Limits.MaxSafeInteger);
        Baseline baseline = ReadBaseline(reader);
        // Keys cost more than anything else in it.
        fault = reader.FirstFault;
        if (fault is not null)
            return false;
        List<Holder> holders = ReadHolders(reader);
        List<Role> roles = ReadRoles(reader, holders);
        List<Revocation> revoked = ReadRevoked(reader, holders);
        if (expires <= created)
            reader.Refuse("the trust root: expires must be after created");
        if (!reader.Finish(out fault))
            return false;
        root = new TrustRoot(system, version, created, expires, baseline, holders, roles, revoked, document, CanonicalJson.Write(document));
        return true;
    }

    private static Baseline ReadBaseline(MemberReader reader)
    {
        var inner = new MemberReader(reader.Any("baseline"), "baseline");
        long size = inner.Integer("size", 0, Limits.MaxSafeInteger);
        string hash = inner.Hash("root_hash");
        var policy = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, JsonValue value) in inner.Object("policy"))
        {
            if (policy.Count < Limits.MaxPolicyKeys && NamePattern.IsWellFormed(name) && !NamePattern.IsPrefix(name) && value.TryGetString(out string? digits) && LowerHex.Is(digits, 64))
                policy[name] = digits;
            else
                inner.Refuse("baseline: policy must be an object of classes with 64 lower-case hex digits each");
        }
        Close(inner, reader);
        return new Baseline(size, hash, policy);
    }

    private static List<Holder> ReadHolders(MemberReader reader)
    {
        var holders = new List<Holder>();
        var seen = new HashSet<KeyId>();
        foreach ((string name, JsonValue list) in reader.Object("holders"))
        {
            CheckName(reader, name, "holder");
            var keys = new List<VerifyingKey>();
            if (list.Kind != JsonKind.Array || list.Items.Length is 0 or > Limits.MaxActiveKeys)
                reader.Refuse($"the holder {name} must have a list of 1 to {Limits.MaxActiveKeys} keys");
            foreach (JsonValue item in list.Kind == JsonKind.Array ? list.Items : [])
            {
                if (ReadKey(reader, item, name) is not { } key)
                    continue;
                if (!seen.Add(key.Id))
                    reader.Refuse($"the key {key.Id} stands twice: a key has one holder, and counts once");
                keys.Add(key);
                if (seen.Count > Limits.MaxActiveKeys)
                {
                    reader.Refuse($"the trust root has more than {Limits.MaxActiveKeys} keys");
                    return holders;
                }
            }
            holders.Add(new Holder(name, keys));
        }
        if (holders.Count == 0)
            reader.Refuse("the trust root has no holder");
        return holders;
    }

    private static VerifyingKey? ReadKey(MemberReader reader, JsonValue item, string holder)
    {
        var inner = new MemberReader(item, $"a key of {holder}");
        string algorithm = inner.Text("algorithm", MaxNameChars);
        string id = inner.Hash("key_id");
        string text = inner.Text("public_key", VerifyingKey.SizeBytes * 2);
        if (algorithm != Ed25519)
            inner.Refuse($"a key of {holder}: algorithm must be {Ed25519}");
        byte[] raw = new byte[VerifyingKey.SizeBytes];
        VerifyingKey? key = null;
        if (!CanonicalBase64.TryDecode(text, raw))
            inner.Refuse($"a key of {holder}: public_key must be the canonical base64 of {VerifyingKey.SizeBytes} bytes");
        else if (!VerifyingKey.TryLoad(raw, out key, out string? fault))
            inner.Refuse($"a key of {holder}: {fault}");
        else if (key.Id.ToString() != id)
            inner.Refuse($"a key of {holder}: key_id must be {key.Id}, which its public_key gives");
        Close(inner, reader);
        return key;
    }

    private static List<Role> ReadRoles(MemberReader reader, List<Holder> holders)
    {
        var roles = new List<Role>();
        foreach ((string name, JsonValue json) in reader.Object("roles"))
        {
            CheckName(reader, name, "role");
            if (roles.Count == Limits.MaxRoles)
            {
                reader.Refuse($"the trust root has more than {Limits.MaxRoles} roles");
                break;
            }
            roles.Add(ReadRole(reader, json, name, holders));
        }
        if (!roles.Any(role => role.Name == Role.Root))
            reader.Refuse($"the trust root has no role {Role.Root}: nobody could sign the next one");
        return roles;
    }

    private static Role ReadRole(MemberReader reader, JsonValue json, string name, List<Holder> holders)
    {
        var inner = new MemberReader(json, $"the role {name}");
        var members = new List<string>();
        foreach (JsonValue item in inner.Array("holders", Limits.MaxActiveKeys))
        {
            if (!item.TryGetString(out string? holder) || !holders.Any(known => known.Name == holder) || members.Contains(holder, StringComparer.Ordinal))
                inner.Refuse($"the role {name}: holders must be distinct names that stand among the trust root's holders");
            else
                members.Add(holder);
        }
        long threshold = inner.Integer("threshold", 1, Math.Max(1, members.Count));
        var commands = new List<string>();
        foreach (JsonValue item in inner.ArrayIfPresent("commands", Limits.MaxGrants))
        {
            if (item.TryGetString(out string? command) && NamePattern.IsWellFormed(command))
                commands.Add(command);
            else
                inner.Refuse($"the role {name}: commands must be names, or beginnings of names and *");
        }
        List<PolicyGrant> policy = [.. inner.ArrayIfPresent("policy", Limits.MaxGrants).Select(item => ReadGrant(inner, item, name))];
        if (name == Role.Root && commands.Count + policy.Count > 0)
            inner.Refuse($"the role {Role.Root} signs trust roots and nothing else: give commands and policy to another role");
        if (members.Count == 0)
            inner.Refuse($"the role {name} has no holder");
        Close(inner, reader);
        return new Role(name, members, (int)threshold, commands, policy);
    }

    private static PolicyGrant ReadGrant(MemberReader role, JsonValue json, string name)
    {
        var inner = new MemberReader(json, $"a grant of the role {name}");
        string key = inner.Text("key", Limits.MaxPolicyKeyNameBytes);
        if (!NamePattern.IsWellFormed(key))
            inner.Refuse($"a grant of the role {name}: key must be a policy key, or the beginning of some and *");
        List<JsonValue>? values = null;
        if (json.Kind == JsonKind.Object && json.TryGet("values", out _))
        {
            values = [.. inner.Array("values", Limits.MaxGrants)];
            if (values.Count == 0 || !values.All(IsValue))
                inner.Refuse($"a grant of the role {name}: values must be a list of printable ASCII strings, integers and booleans, not empty");
        }
        Close(inner, role);
        return new PolicyGrant(key, values);
    }

    private static bool IsValue(JsonValue value) =>
        value.Kind == JsonKind.Boolean || value.IsInteger || (value.TryGetString(out string? text) && !text.AsSpan().ContainsAnyExceptInRange('\u0020', '\u007e'));

    private static List<Revocation> ReadRevoked(MemberReader reader, List<Holder> holders)
    {
        var revoked = new List<Revocation>();
        foreach (JsonValue item in reader.Array("revoked", Limits.MaxRevocations))
        {
            var inner = new MemberReader(item, "a revocation");
            if (!KeyId.TryParse(inner.Hash("key_id"), out KeyId key))
                inner.Refuse("a revocation: key_id must be a key ID");
            long from = inner.Integer("from", 0, Limits.MaxSafeInteger);
            if (revoked.Any(earlier => earlier.Key == key))
                inner.Refuse($"the key {key} is revoked twice");
            if (holders.Any(holder => holder.Keys.Any(active => active.Id == key)))
                inner.Refuse($"the key {key} is revoked, and {holders.First(holder => holder.Keys.Any(active => active.Id == key)).Name} holds it");
            Close(inner, reader);
            revoked.Add(new Revocation(key, from));
        }
        return revoked;
    }

    private static void CheckName(MemberReader reader, string name, string what)
    {
        if (name.Length is 0 or > MaxNameChars || !char.IsAsciiLetterLower(name[0]) || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            reader.Refuse($"a {what}'s name must be 1 to {MaxNameChars} of a-z, 0-9 and -, a letter first");
    }

    private static void Close(MemberReader inner, MemberReader outer)
    {
        if (!inner.Finish(out string fault))
            outer.Refuse(fault);
    }
}
