using System.CommandLine;
using System.Text;
using Qwamos.Client.Changing;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl can KEY VALUE</c>: whether this key may set that alone, which role decides, and who else is needed. Signs and sends nothing.</summary>
internal static class CanCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> key = new("KEY") { Description = "A policy key" };
        Argument<string> value = new("VALUE") { Description = "The value it would get" };
        Command command = new("can", "Say whether you may set a policy key to a value alone, and who else must sign") { key, value };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(key)!, parse.GetValue(value)!)));
        return command;
    }

    private static int Run(Session session, string name, string text)
    {
        if (!session.TryLoadSchema(out var schema, out var failure) || !SettingsReader.TryReadPairs([name, text], schema, out var settings, out failure)
            || !TrustSource.TryGetOrRecall(session, out var trust, out failure))
            return session.Fail(failure);
        // Whoever only asks gets no key made; without one the answer is who may.
        if (!Directory.Exists(session.KeyHomeDirectory))
            return Report(session, trust.Root, settings[0], null);
        if (!OperatorKey.TryOpen(session, out var key, out failure, toSign: false))
            return session.Fail(failure);
        using (key)
            return Report(session, trust.Root, settings[0], key.Id);
    }

    private static int Report(Session session, TrustRoot root, Setting setting, KeyId? key)
    {
        var roles = Authority.RolesFor(root, setting.Key.Name, setting.Value.ToJson());
        var own = key is { } id ? root.HolderOf(id) : null;
        var isExpired = root.ExpiresSeconds < session.Now && !(setting.Key.IsEvent && EventValues.IsFire(setting.Value));
        var alone = own is not null && !isExpired && roles.Any(role => role.IsMetBy([own]));
        var what = $"{setting.Key.Name} = {KeyText.Of(setting.Value)}";
        var sentence =
            isExpired ? $"nobody may set {what}: the trust root has expired"
            : roles.Count == 0 ? $"nobody may set {what}: no role has it"
            : own is null ? $"{(key is { } other ? $"your key {other.Short} may" : "you may")} not set {what}: {(key is null ? "you have no key here" : root.IsImplicit ? "it is not the enrolled one" : $"it is not one of version {root.Version} of the trust root")}"
            : alone ? $"you, {own}, may set {what} alone"
            : roles.Any(role => role.Holders.Contains(own)) ? $"you, {own}, may not set {what} alone"
            : $"you, {own}, may not set {what}";
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(ToJson(root, roles, alone, own, key, sentence)) + "\n");
        else
            session.Terminal.Print(session.Placed(Text(roles, alone, isExpired, setting, sentence))!);
        return (int)(alone ? ExitCode.Done : ExitCode.Refused);
    }

    private static string Text(List<Role> roles, bool alone, bool isExpired, Setting setting, string sentence)
    {
        StringBuilder text = new(sentence + "\n");
        foreach (var role in roles)
            text.Append($"  it takes {RootText.Who(role)} (role {role.Name}, threshold {role.Threshold})\n");
        var pair = $"{setting.Key.Name} {SafePath.Quote(setting.Value.ToLine())}";
        if (isExpired)
            text.Append("  draw up the next trust root: qwamosctl trust renew\n");
        else if (!alone && roles.Any(role => role.Threshold == 1))
            text.Append($"  have one of them set it: {Session.Theirs}set {pair}\n");
        else if (!alone && roles.Count > 0)
            text.Append($"  write it for them to sign: qwamosctl set {pair} --out change.json\n");
        return text.ToString();
    }

    private static JsonValue ToJson(TrustRoot root, List<Role> roles, bool alone, string? own, KeyId? key, string sentence) => JsonValue.Object(
    [
        ("status", JsonValue.Of(alone ? "ok" : "error")),
        .. alone ? [] : ((string, JsonValue)[])[("reason", JsonValue.Of(sentence)), ("code", JsonValue.Of(ErrorCodes.Name(ErrorCode.NotAuthorised)))],
        ("alone", JsonValue.Of(alone)),
        ("version", JsonValue.Of(root.Version)),
        ("key_id", key is { } id ? JsonValue.Of(id.ToString()) : JsonValue.Null),
        ("holder", own is null ? JsonValue.Null : JsonValue.Of(own)),
        ("roles", JsonValue.Array(roles.Select(role => JsonValue.Object(
        [
            ("role", JsonValue.Of(role.Name)),
            ("threshold", JsonValue.Of(role.Threshold)),
            ("holders", JsonValue.Array(role.Holders)),
            ("from", JsonValue.Array(role.Holders.Where(holder => holder != own))),
        ])))),
    ]);
}
