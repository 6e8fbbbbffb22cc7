using System.Globalization;
using System.Text;

namespace Qwamos.ControlBus.Audit;

/// <summary>A tile of C2SP tlog-tiles: 256 consecutive hashes of one level, fewer only at the tree's right edge.</summary>
/// <param name="Level">0 holds leaf hashes; each higher level the roots of full tiles of the one below.</param>
/// <param name="Index">Its place in the level, from 0.</param>
/// <param name="Width">Hashes in it, 1 to 256.</param>
internal readonly record struct TreeTile(int Level, long Index, int Width)
{
    /// <summary>Hashes in a full tile, entries in a full bundle.</summary>
    public const int FullWidth = 256;

    /// <summary>Levels of the tree from one level of tiles to the next: 256 is 2^8.</summary>
    public const int Levels = 8;

    private const int GroupDigits = 3;
    private const int GroupValues = 1000;

    /// <summary>The tile's path in an export.</summary>
    public string Path => string.Create(CultureInfo.InvariantCulture, $"tile/{Level}/{IndexPath}");

    /// <summary>The path of the entry bundle with a level 0 tile's place.</summary>
    public string EntriesPath => "tile/entries/" + IndexPath;

    // Groups of three digits, all but the last with an x before, so that a folder never has a file's name: 1234067 is x001/x234/067.
    private string IndexPath
    {
        get
        {
            var path = new StringBuilder(Group(Index));
            for (var rest = Index / GroupValues; rest > 0; rest /= GroupValues)
                path.Insert(0, $"x{Group(rest)}/");
            return Width == FullWidth ? path.ToString() : path.Append(CultureInfo.InvariantCulture, $".p/{Width}").ToString();
        }
    }

    private static string Group(long index) => (index % GroupValues).ToString(CultureInfo.InvariantCulture).PadLeft(GroupDigits, '0');
}
