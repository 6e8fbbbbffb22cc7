using System.CommandLine;
using Qwamos.Client.Commands;
using Qwamos.Client.Showing;

namespace Qwamos.Client;

/// <summary><c>qwamosctl</c>: holds the operator's key, signs, sends, shows. Needs no root.</summary>
internal static class Program
{
    private static int Main(string[] args) => Run(args, Terminal.OfProcess());

    internal static int Run(string[] args, Terminal terminal)
    {
        SharedOptions shared = new();
        RootCommand root = new("Signs policy changes, sends them to the control bus, and shows what is in force.")
        {
            SetCommand.Build(shared, terminal),
            ApplyCommand.Build(shared, terminal),
            StatusCommand.Build(shared, terminal),
            KeysCommand.Build(shared, terminal),
            KeyCommand.Build(shared, terminal),
            ConvertCommand.Build(shared, terminal),
            ValidateCommand.Build(shared, terminal),
            CompletionCommand.Build(shared, terminal),
        };
        shared.AddTo(root);
        return args is [CompleteCommand.Name, .. var words]
            ? CompleteCommand.Run(words, root, terminal)
            : CommandLine.Run(root, args, terminal);
    }
}
