namespace Qwamos.Client.Showing;

/// <summary>Three colours, or none.</summary>
internal readonly record struct Paint(bool IsOn)
{
    private const string Reset = "\u001b[0m";

    public string Good(string text) => Wrap("\u001b[32m", text);

    public string Waiting(string text) => Wrap("\u001b[33m", text);

    public string Bad(string text) => Wrap("\u001b[31m", text);

    public string Faint(string text) => Wrap("\u001b[2m", text);

    private string Wrap(string start, string text) => IsOn ? start + text + Reset : text;
}
