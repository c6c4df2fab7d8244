"""What tells languages apart: scripts, characters, letters and small words, and what languages are called.

To add a language: its name in `NAMES`, its small words and sign words in `WORDS`, letters of its own in
`LETTERS`.
"""

from collections.abc import Mapping

UNKNOWN = "und"
"""BCP 47 for "not determined"."""

NAMES: Mapping[str, str] = {
    "af": "Afrikaans",
    "ar": "Arabic",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "en-GB": "British English",
    "en-US": "American English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "nb": "Norwegian Bokmål",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "pt-BR": "Brazilian Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
    "zh-Hans": "Simplified Chinese",
    "zh-Hant": "Traditional Chinese",
}

# (first, last, script); a script that one language has to itself is called by that language.
SCRIPTS = (
    (0x0041, 0x024F, "Latin"),
    (0x1E00, 0x1EFF, "Latin"),
    (0xFF21, 0xFF5A, "Latin"),
    (0x0370, 0x03FF, "el"),
    (0x1F00, 0x1FFF, "el"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0531, 0x0587, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0750, 0x077F, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0E00, 0x0E7F, "th"),
    (0x10A0, 0x10FF, "ka"),
    (0x3041, 0x30FF, "Kana"),
    (0xFF66, 0xFF9D, "Kana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xF900, 0xFAFF, "Han"),
    (0x1100, 0x11FF, "ko"),
    (0x3130, 0x318F, "ko"),
    (0xAC00, 0xD7A3, "ko"),
)

ONE_LANGUAGE_SCRIPTS = frozenset({"el", "hy", "he", "ta", "te", "th", "ka", "ko"})

# Characters that only one of the three ways of writing Han has: Japanese, simplified and traditional Chinese.
JAPANESE_HAN = frozenset(
    "駅円売図広込働畑峠辻発対応単楽歩桜浜検験県営気鉄総関価転軽沢渋絵芸薬読辺釈銭顔竜続継経済渓帰様権観覚"
    "労効変実専従戦払択拝挙揺暁桟毎浄渇焼猟畳稲穂縦縄脳臓蔵覧訳豊賛醸醤隠雑霊頼駆騒鶏麺黒歯塩"
)
CHINESE_HAN = frozenset(
    "们这说为对时东车门请关开书业电马鸟鱼龙见贝长风飞饭馆银钱铁问间闭难发无气乐习乡买卖义产亲众优价伤华"
    "单卫厂厅厕历压听员园圆场坏块处备复头妇孙宁实审宽导层岁岛币师带帮庆应张归录态怀总战户扫报择损"
    "显杂权杨极构标树样桥检欢步毕汇汉汤沟济测满灵热爱狮环现码确种积稳笔签简类红级纪纸线组细经结给绝"
    "统维绿编缘网罗罚职联肃胜脑节药虾补观规视览觉计订认让议记讲许论设访证评识诉词译试话询该详语误读课谁调"
    "谈谢货质贵费资赛赞赵趋转轮软载辆边达过运还进远连选邮释针钟钢铺销锁错键闪闻阅队阳阶际险页项顺须顾顿预"
    "领频题颜饮驾验鸡龄"
    "國學會營藥鐵點發體臺灣廣圖當號樂區廳廁氣賣這們為與處讓讀證變豐轉邊黨齒寫實寶對專從歲歸歷戰擇據續經總繼"
    "濟獨獻畫盡禮稱縣聲聽肅腦舊萬蟲覺觀觸譯賴醫釋錢雙雜雞靈顯餘鹽"
)
CYRILLIC_LETTERS = (
    (frozenset("ў"), "be"),
    (frozenset("ғқұ"), "kk"),
    (frozenset("әңөүһ"), UNKNOWN),
    (frozenset("љњћђџј"), UNKNOWN),
    (frozenset("їєґ"), "uk"),
    (frozenset("ыэё"), "ru"),
)
RUSSIAN_WORDS = "что это для нет только или стоянка запрещено запрещена есть"
UKRAINIAN_WORDS = "вхід вихід ні і заборонено зачинено відчинено"
ARABIC_LETTERS = ((frozenset("ٹڈڑںے"), "ur"), (frozenset("پچژگ"), "fa"), (frozenset("ةىأإ"), "ar"))
HINDI_WORDS = "है हैं का की के में और नहीं यह करें से पर कृपया"

# Small words that a language cannot do without, and what its signs say. No names, no international words.
# The last rows keep their languages from being taken for a neighbour.
WORDS: Mapping[str, str] = {
    "en": "the and of to is are you your for with this that not no please do don't only we from have at"
    " it be by or will can was exit entrance open closed keep off way must all welcome push pull"
    " beware dogs free allowed warning wet floor our when what how there their his her",
    "fr": "le la les des du et est une un pour dans sur avec pas ne vous nous votre au aux ce cette qui"
    " que sont de par en sortie entrée entree interdit interdite défense defense ouvert fermé"
    " ferme chien méchant stationnement merci tous sauf rue",
    "de": "der die das und ist nicht ein eine für mit von zu den dem auf im am wir sie bitte kein keine"
    " nur bei zum zur auch werden sind oder aus verboten eingang ausgang ausfahrt einfahrt"
    " freihalten geöffnet geschlossen betreten achtung vorsicht straße frei rauchen hunde",
    "es": "el la los las de del y en es un una por para con no se que su al este esta más mas favor"
    " salida entrada prohibido prohibida abierto cerrado calle aquí aqui gracias sin todos"
    " estacionar pasar perro son",
    "it": "il lo la i gli le di del della e è un una per con non si che al alla questo questa dei delle"
    " nel uscita ingresso vietato vietata chiuso aperto attenzione divieto sosta via grazie sono"
    " fumare cane cani",
    "pt": "o a os as de do da dos das e é um uma para com não nao se que em no na por este esta mais"
    " saída saida entrada proibido proibida aberto fechado rua obrigado são estacionar fumar favor"
    " cuidado",
    "nl": "de het een en van is niet met voor op te zijn wij u uw aan bij naar geen ook deze dit alleen"
    " om ingang uitgang verboden gesloten toegang parkeren fietsen roken honden hond straat dank"
    " wordt hier tot bezoekers",
    "pl": "i w z na nie do się jest to że dla od po za przez oraz proszę wyjście wejście zakaz wstęp"
    " wzbroniony zamknięte otwarte ulica uwaga pies czynne nieczynne parkowania palenia tylko ul",
    "cs": "a v na je se do pro od po za s z že nebo jsou zákaz vchod východ vstup zakázán zavřeno"
    " otevřeno ulice pozor pes prosím kouření vjezdu jen děkujeme není",
    "sv": "och att är en ett på för med av det som inte den till från har vi du ej utgång ingång"
    " förbjudet förbjuden parkering öppet stängt rökning endast gata välkommen privat varning"
    " hunden",
    "da": "og at er en et på for med af det som ikke den til fra har vi du udgang indgang forbudt"
    " adgang åbent lukket rygning kun parkering velkommen hund pas",
    "no": "og å er en et på for med av det som ikke den til fra har vi du utgang inngang forbudt adgang"
    " åpent stengt røyking kun bare parkering velkommen hund ikke",
    "fi": "ja on ei se että oli ovat tämä mutta kun niin myös vain kielletty ulos sisään avoinna"
    " suljettu sisäänkäynti uloskäynti pysäköinti tupakointi tervetuloa koira koirat katu saa varo"
    " yksityisalue",
    "tr": "ve bir bu da de için ile ne değil olan var yok daha çok gibi lütfen çıkış giriş yasak"
    " yasaktır açık kapalı dikkat girilmez park etmek sigara içmek içilmez köpek cadde sokak hoş"
    " geldiniz hoşgeldiniz",
    "af": "die nie en van is vir met geen toegang asseblief ingang uitgang verbode",
    "ca": "i el la els les de del amb per és una un no que aquest més tancat obert sortida entrada"
    " prohibit carrer",
    "hr": "i u na je za se da ne od s iz ulaz izlaz zabranjeno otvoreno zatvoreno molimo",
    "hu": "a az és nem egy hogy van be ki tilos bejárat kijárat nyitva zárva",
    "id": "dan di yang ini itu dilarang untuk dengan dari tidak ke ada pintu masuk keluar parkir",
    "ro": "și si la de pe nu este un o cu din pentru care intrare ieșire iesire interzis deschis închis",
    "sk": "a v na je sa do pre od zákaz vchod východ vstup zakázaný zatvorené otvorené ulica pozor pes",
}

# Letters that tell languages written in Latin apart. The last rows are for neighbours.
LETTERS: tuple[tuple[str, frozenset[str]], ...] = (
    ("ß", frozenset({"de"})),
    ("ü", frozenset({"de", "tr", "hu", "et"})),
    ("äö", frozenset({"de", "sv", "fi", "et", "sk"})),
    ("ñ¿¡", frozenset({"es"})),
    ("ãõ", frozenset({"pt"})),
    ("œêûùîë", frozenset({"fr"})),
    ("è", frozenset({"fr", "it", "ca"})),
    ("ç", frozenset({"fr", "pt", "tr", "ca"})),
    ("łżśćźńęą", frozenset({"pl"})),
    ("ěřů", frozenset({"cs"})),
    ("čšž", frozenset({"cs", "sk", "hr", "sl", "lt", "lv"})),
    ("å", frozenset({"sv", "da", "no"})),
    ("øæ", frozenset({"da", "no"})),
    ("ığş", frozenset({"tr"})),
    ("őű", frozenset({"hu"})),
    ("țșă", frozenset({"ro"})),
    ("đơưạảấầẩậắằặẹẻếềểệịọỏốồổộớờởợụủứừửự", frozenset({"vi"})),
    ("þð", frozenset({"is"})),
    ("ķļņģī", frozenset({"lv"})),
    ("ėįų", frozenset({"lt"})),
    ("ū", frozenset({"lt", "lv"})),
)

# Neighbours: the better one need not lead by so much.
KIN = (
    frozenset({"da", "no", "sv"}),
    frozenset({"es", "pt", "ca", "it"}),
    frozenset({"cs", "sk"}),
    frozenset({"nl", "af"}),
)
