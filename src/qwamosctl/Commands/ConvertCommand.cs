using System.CommandLine;
using System.Globalization;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl convert FILE</c>: turns a legacy policy.conf into the JSON that apply takes, on standard output; what there is to know
/// about its lines goes to standard error. Nothing is printed for a file that was not understood whole, lest half of it be applied.
/// </summary>
internal static class ConvertCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "A policy.conf of the old design; - reads standard input" };
        Option<bool> skipUnknown = new("--skip-unknown") { Description = "Leave out keys that are not known, and say which" };
        Command command = new("convert", "Turn a legacy policy.conf into a policy file for apply") { file, skipUnknown };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(file)!, parse.GetValue(skipUnknown))));
        return command;
    }

    private static int Run(Session session, string file, bool skipUnknown)
    {
        if (!session.TryLoadSchema(out var schema, out var failure)
            || !InputFile.TryRead(session.Terminal, file, LegacyConverter.MaxFileBytes, out var content, out failure))
            return session.Fail(failure);
        var conversion = LegacyConverter.Convert(schema, content);
        Tell(session.Terminal, conversion.Notes, "note");
        Tell(session.Terminal, conversion.Unknown, skipUnknown ? "left out" : "unknown");
        Tell(session.Terminal, conversion.Faults, "wrong");
        if (conversion.Faults.Count == 0 && (skipUnknown || conversion.Unknown.Count == 0))
        {
            if (conversion.Values.Count == 0)
                session.Terminal.Note($"{SafeText.ForTerminal(InputFile.NameOf(file))} sets no policy key, so there is nothing to apply");
            session.Terminal.Print(session.Json ? JsonPrinter.Print(Done(conversion)) + "\n" : ToFile(conversion));
            return (int)ExitCode.Done;
        }
        var reason = $"{InputFile.NameOf(file)} was not understood whole, so nothing was converted";
        var mend = conversion.Faults.Count == 0 ? "Correct the lines named, or leave them out with --skip-unknown" : "Correct the lines named";
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(Refused(conversion, reason, mend)) + "\n");
        session.Terminal.Complain(reason, mend);
        return (int)ExitCode.Refused;
    }

    private static void Tell(Terminal terminal, IReadOnlyList<LegacyLine> lines, string what)
    {
        foreach (var (number, key, reason) in lines)
            terminal.Note(string.Create(CultureInfo.InvariantCulture, $"line {number}: {what}: {(key.Length == 0 ? reason : $"{key} {reason}")}"));
    }

    /// <summary>A member a line, so that a person can read it over and a version control system can compare it.</summary>
    private static string ToFile(LegacyConversion conversion)
    {
        StringBuilder text = new("{");
        var separator = "\n";
        foreach (var (name, value) in conversion.Values)
        {
            text.Append(separator).Append("  ").Append(JsonPrinter.Print(JsonValue.Of(name))).Append(": ").Append(JsonPrinter.Print(value.ToJson()));
            separator = ",\n";
        }
        return text.Append("\n}\n").ToString();
    }

    private static JsonValue Done(LegacyConversion conversion) => JsonValue.Object(
    [
        ("status", JsonValue.Of("ok")), ("policy", conversion.ToJson()), .. Remarks(conversion),
    ]);

    private static JsonValue Refused(LegacyConversion conversion, string reason, string mend) => JsonValue.Object(
    [
        ("status", JsonValue.Of("error")), ("reason", JsonValue.Of(reason)), ("code", JsonValue.Of("failed")), ("mend", JsonValue.Of(mend)),
        .. Remarks(conversion),
    ]);

    private static (string, JsonValue)[] Remarks(LegacyConversion conversion) =>
    [
        ("notes", ToJson(conversion.Notes)),
        ("unknown", ToJson(conversion.Unknown)),
        ("faults", ToJson(conversion.Faults)),
    ];

    private static JsonValue ToJson(IReadOnlyList<LegacyLine> lines) => JsonValue.Array(lines.Select(line => JsonValue.Object(
    [
        ("line", JsonValue.Of(line.Number)),
        ("key", JsonValue.Of(line.Name)),
        ("reason", JsonValue.Of(line.Remark)),
    ])));
}
