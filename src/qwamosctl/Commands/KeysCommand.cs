using System.CommandLine;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl keys</c>: the policy table, as the schema has it; below it, how the private key is stored.</summary>
internal static class KeysCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command command = new("keys", "List the policy keys: values, default, when they apply, for whom")
        {
            KeysProtectCommand.BuildProtect(shared, terminal),
            KeysProtectCommand.BuildUnprotect(shared, terminal),
        };
        command.SetAction(parse => shared.Run(parse, terminal, Run));
        return command;
    }

    private static int Run(Session session)
    {
        if (!session.TryLoadSchema(out var schema, out var failure))
            return session.Fail(failure);
        session.Terminal.Print(session.Json ? JsonPrinter.Print(ToJson(schema)) + "\n" : ToText(schema, session.Terminal.OutputPaint));
        return (int)ExitCode.Done;
    }

    private static string ToText(PolicySchema schema, Paint paint)
    {
        StringBuilder text = new();
        foreach (var key in schema.Keys)
        {
            text.Append(key.Name).Append("  ").Append(paint.Faint(When(key))).Append('\n');
            text.Append("    values   ").Append(SafeText.ForTerminal(key.ValuesInWords())).Append('\n');
            text.Append("    default  ").Append(KeyText.Of(key.Default)).Append('\n');
            if (!string.IsNullOrEmpty(key.Description))
                text.Append("    ").Append(SafeText.ForTerminal(key.Description)).Append('\n');
        }
        return text.ToString();
    }

    private static string When(PolicyKey key)
    {
        var when = key.Apply == PolicyApply.Runtime ? "applies now" : "applies at the next boot";
        var text = $"{when}, class {key.Class}";
        if (key.IsConfidential)
            text += ", confidential";
        if (key.IsIrreversible)
            text += ", has an irreversible value";
        return text;
    }

    private static JsonValue ToJson(PolicySchema schema)
    {
        List<JsonValue> keys = [];
        foreach (var key in schema.Keys)
            keys.Add(KeyText.ToJson(key));
        return JsonValue.Object(
        [
            ("status", JsonValue.Of("ok")),
            ("schema", JsonValue.Of(schema.Hash)),
            ("keys", JsonValue.Array(keys)),
        ]);
    }
}
