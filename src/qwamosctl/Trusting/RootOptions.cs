using System.CommandLine;

namespace Qwamos.Client.Trusting;

/// <summary>The options of the commands that draw up a trust root.</summary>
internal sealed class RootOptions
{
    /// <summary>A lifetime beyond it could not be told from none.</summary>
    private const long MaxLifetimeSeconds = 100L * 365 * 86_400;

    private readonly Option<string> expires = new("--expires") { HelpName = "TIME", Description = "How long it lasts from now on, like 365d; after its end only the next one is accepted" };
    private readonly Option<string> file = new("--out") { HelpName = "FILE", Description = "Write it there, signed by you, and send nothing" };
    private readonly Option<bool> yes = new("--yes") { Description = "Do not ask" };

    public void AddTo(Command command)
    {
        command.Add(expires);
        command.Add(file);
        command.Add(yes);
    }

    public bool TryRead(ParseResult parse, out RootTerms terms, out Failure failure)
    {
        (terms, failure) = (null!, null!);
        long? lifetime = null;
        if (parse.GetValue(expires) is { } text)
        {
            if (!Duration.TryParse(text, out var seconds) || seconds is < 1 or > MaxLifetimeSeconds)
            {
                failure = Failure.Usage($"--expires takes {Duration.Form}, up to 100 years, not {text}");
                return false;
            }
            lifetime = seconds;
        }
        terms = new RootTerms(lifetime, parse.GetValue(file), parse.GetValue(yes));
        return true;
    }
}
