"""Phrase rules: how pages word what stands among an article's paragraphs and is none of it, by kind, with examples.

Every phrase is one that many outlets use. What reads the same word for word is in `phrase_lines.toml`; how a line is
put to the rules is left to pipeline/extraction/boilerplate/phrases.py.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PHRASES", "TRIGGERS", "PhraseRule"]


@dataclass(frozen=True, slots=True)
class PhraseRule:
    """Patterns that tell a kind of line: `starts` at its beginning, `wholes` all of it, `holds` anywhere in it.

    They are in lower case and are matched with a line in lower case: patterns that ignore case take twice the time.
    `shouts` begin a line in capitals. A rule with `signs` is for lines that have one of them.
    """

    name: str
    starts: tuple[str, ...] = ()
    wholes: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    shouts: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


_NETWORKS = (
    r"(?:facebook|twitter|x|instagram|whatsapp|telegram|linkedin|tiktok|bluesky|threads|youtube|"
    r"google ?(?:news|actualités)|messenger)"
)
_MAILED = r"(?:newsletters?|infolettres?|inbox|e-?mail alerts?|boletín|boletines|nieuwsbrief|nyhetsbrev|bulletins?)"

PHRASES: tuple[PhraseRule, ...] = (
    PhraseRule(
        "related",
        starts=(
            r"(?:à |a )?(?:lire|voir|écouter|découvrir|relire|revoir|regarder) (?:aussi|également|sur|plus|ensuite)\b",
            r"(?:lire|voir|écouter|retrouvez) (?:notre|nos|le|la|les|l'|ici)[^.]{0,40}:",
            r"(?:lire|voir|vidéo|video|podcast|diaporama|en images|infographie|à lire|à voir|notre (?:dossier|podcast))"
            r"\s*:",
            r"article réservé (?:à nos|aux) abonnés\W{1,3}(?:lire|voir|écouter)\b",
            r"\(?re\)?lisez (?:aussi |également )?(?:notre|nos|l'|le|la|les)\b[^.]{0,160}$",
            r"(?:lire|lisez) (?:aussi )?(?:notre|nos|l'|le |la ) ?(?:enquête|reportage|portrait|entretien|interview|"
            r"décryptage|analyse|éditorial|tribune|article|dossier|critique|série|billet|chronique|récit)\b[^.]{0,160}$",
            r"(?:en vidéos?|infographies?|écouter|dossier)(?:\s[-–—|]|\.) [^.]{10,140}$",
            r"(?:vidéos?|podcasts?|replay|diaporama)\s[-–—|] [^.]{10,140}$",
            r"en (?:vidéos?|images|photos), [^.]{10,140}$",
            r"(?:vidéos|videos|podcasts)\s*:[^.]{0,140}$",
            r"écoute[rz] [^.]{0,30}(?:en direct|en replay|le podcast)",
            r"(?:vidéos?|en images|podcast|replay)\. [^.]{10,120}$",
            r"(?:>+|►|▶|»|→|•)\s*(?:à lire|lire|lisez|voir|read|see|watch|lesen|mehr|retrouvez|consultez)\b",
            r"(?:à|a) lire (?:sur|dans|ici)\b|(?:à|a) lire\b[^.]{0,160}$",
            r"(?:sur le même sujet|sur le même thème|nos autres articles|l'actualité en continu)\b",
            r"(?:read|see|watch|listen|find out) (?:more(?! of\b)|also|next|here)\b",
            r"read on\s*(?:[:|]|$)",
            r"(?:also read|read also|more on this|more from|related|recommended|don't miss|must read|next read)\s*[:|]",
            r"(?:related (?:stories|articles|content|topics|news)|more stories|you may also like|in case you missed "
            r"it)\b",
            r"for more (?:stories|news|information on)[^.]{0,60},? (?:check|visit|follow|click|go to|see)\b",
            r"(?:lesen|sehen|hören) sie (?:auch|hier|mehr|dazu|jetzt)\b",
            r"(?:mehr zum thema|mehr dazu|mehr lesen|auch interessant|das könnte sie auch interessieren|lesetipps?)\b",
            r"(?:leggi|guarda|ascolta) (?:anche|tutto|qui)\b",
            r"(?:lee|lea|leer|mira|vea|ver) (?:también|más|además)\b",
            r"(?:le|les|os) (?:puede|podría) interesar\b.{0,6}:",
            r"schon gelesen\?",
            r"(?:te puede interesar|te recomendamos|noticias? relacionadas?|más información)\b",
            r"(?:leia|veja|saiba) (?:também|mais)\b",
            r"(?:lees ook|lees verder|bekijk ook|meer over)\b",
            r"(?:les også|läs (?:också|mer|även)|læs også|lue myös)\b",
            r"(?:baca juga|czytaj (?:też|także|również|więcej)|dowiedz się więcej|(?:zobacz|przeczytaj) (?:też|także|"
            r"również)|ayrıca oku|читайте? (?:также|материал|ещё|еще|по теме|подробнее)|смотрите также|"
            r"читайте (?:також|ще)|вижте (?:още|също)|διαβάστε (?:επίσης|ακόμα|ακόμη|περισσότερα|σχετικά))\b",
            r"(?:čtěte (?:také|více)|přečtěte si|čítajte (?:aj|viac)|olvassa (?:el|tovább)|citește (?:și|mai mult)|"
            r"pročitajte (?:i|još|više)|xem thêm|đọc thêm|funda olunye udaba)\b",
            r"(?:【?関連記事】?|関連ニュース|相关(?:阅读|新闻|报道)|延伸閱讀|相關(?:新聞|報導)|관련 ?기사)",
            r"click here to\b",
            r"also:? (?:read|see|watch)\b",
            r"(?:more ap\b[^.:]{2,40}|(?:follow )?ap's [^.:]{0,60}coverage[^.:]{0,40}):? *(?:https?:|apnews)",
            r"don't miss\W*$",
            r">>(?:\s*[^\W\d][^.\d]{3,30}\.)?[^.]{10,160}$",
            r"\[?(?:retrouvez|consultez|suivez) (?:ici |tous? |toute |notre |nos |l'|le direct)[^.]{0,90}(?:ici|"
            r"dossier|direct|articles?|page)\b",
        ),
        examples=(
            "À lire aussi Le budget adopté",
            "Article réservé à nos abonnés Lire aussi : Le budget adopté",
            "Lire notre enquête Les comptes du port",
            "(Re)lisez notre portrait de la gardienne du phare",
            "DOSSIER - Les comptes du port en dix questions",
            "Read more: Who is who",
            "Lesen Sie auch: Was nun kommt",
            "Le puede interesar: Qué cambia en el puerto",
            "Dowiedz się więcej: port w liczbach",
            "Читайте также: Порт в цифрах",
            "関連記事：港の数字",
            "More AP harbours: https://apnews.com/hub/harbours and https://x.com/ap",
        ),
    ),
    PhraseRule(
        "related",
        starts=(r"[^.]{10,160}\b(?:suivez|revivez|retrouvez) (?:notre|nos|le|la|en) (?:direct|live)\b\W*$",),
        signs=("vez ",),
        examples=("Tempête sur le port : suivez notre direct",),
    ),
    PhraseRule(
        "related",
        starts=(
            r".{10,160}\[(?:insight|video|videos|pictures|photos|analysis|revealed|warning|comment|news|update|report|"
            r"reaction|live|latest|interview|opinion)\]\W*$",
        ),
        signs=("[",),
        examples=("Harbour master tells of a night in the fog [VIDEO]",),
    ),
    PhraseRule(
        "pointer",  # dropped where it is a link: text may be set out with arrows too
        starts=(
            r"(?:→|►|▶|➡|👉)[^.]{10,160}$",
            r"(?:→|►|▶|➡|👉)\s*[^\W\d][^.\d]{3,30}\. [^.]{10,160}$",
        ),
        examples=("► Le port se prépare à la tempête", "→ PORTRAIT. La gardienne du phare de nuit"),
    ),
    PhraseRule(
        "newsletter",
        starts=(
            rf"(?:inscrivez|abonnez)[- ]vous\b[^.]{{0,90}}(?:{_MAILED}|chaîne|{_NETWORKS}|gratuit)",
            rf"(?:recevez|retrouvez)\b[^.]{{0,90}}(?:{_MAILED}|boîte|mail|alertes?|application)",
            rf"(?:sign up|subscribe|register|get)\b[^.]{{0,110}}(?:{_MAILED}|\bapp\b|podcast|channel|alerts)",
            rf"(?:you can (?:also )?)?(?:join|follow|like|find|suivez|rejoignez|folgen?|folgt|siga|síguenos|seguici|"
            rf"volg)\b[^.]{{0,80}}\b{_NETWORKS}\b",
            r"(?:download|téléchargez|laden sie|descarga|scarica)\b[^.]{0,60}\b(?:app|appli|application|aplicación)\b",
            rf"(?:abonnieren sie|melden? (?:sie sich|dich)|lust auf mehr|jetzt)\b[^.]{{0,80}}{_MAILED}",
            r"(?:suscríbete|suscríbase|apúntate|iscriviti|inscreva-se|schrijf je in)\b[^.]{0,80}",
            rf"(?:our|notre|unser|nuestra?|la nostra)\b[^.]{{0,20}}{_MAILED}\b",
            rf"(?:{_MAILED})\s*:",
            r"zapraszamy (?:też |także )?do (?:subskrypcji|prenumeraty)\b",
            r"werden sie (?:jetzt )?mitglied\b",
            r"don't have an account\b",
            r"(?:create|register for) an? (?:free )?account or (?:log|sign)[ -]?in\b",
            r"(?:register|sign up|log ?in|sign in)\b.{0,20}\bto (?:unlock|continue|read|comment)\b",
            r"(?:already|déjà) (?:have an account|registered|inscrit|abonné)\b",
            r"thank you for (?:signing|subscribing|registering)\b",
            r"by (?:signing|clicking|submitting|subscribing|providing|entering)\b[^.]{0,60}(?:up|agree|subscribe|"
            r"e-?mail)\b",
            r"plus special access to select articles",
            r"please enter a valid e-?mail",
            r"ajoute[zr] [^.]{3,40} à vos (?:sources|favoris)",
            r"l'article a été ajouté",
            r"cet article est paru dans notre newsletter",
            r"there was an error, please provide a valid",
            r"(?:get|enjoy) (?:our|the latest) (?:award-winning|daily|weekly|local|national)\b[^.]{0,90}\b(?:e-?mail|"
            r"news|stories|analysis)\b",
            r"i would like to be e-?mailed about",
            r"our community members are treated to",
            r"check out more of\b[^.]{0,60}\bstories by signing up",
            r"join (?:thought-provoking conversations|our commenting forum|the conversation)\b",
            r"like (?:this|our) (?:story|article|stories)\? share",
            r"(?:hat (?:dir|ihnen|euch) (?:dieser|der|unser) (?:artikel|beitrag|text) gefallen|did you (?:like|enjoy) "
            r"this (?:article|story|post)|(?:cet|l')\s?article vous a[- ]t[- ]il plu|vous avez aimé cet article|te ha "
            r"gustado (?:este|el) artículo|ti è piaciuto (?:questo|l')\s?articolo)\b.{0,4}\?",
        ),
        holds=(
            r"zapisz się (?:do|na) (?:naszego |nasz )?newsletter",
            r"newsletter (?:informiert|bringt|liefert|fasst|erklärt|versorgt) (?:sie|dich|euch)\b",
            r"for the latest[^.]{0,80}sign up",
            rf"sign up (?:for|to) (?:our|the)[^.]{{0,40}}{_MAILED}",
            r"dans votre boîte (?:mail|e-?mail|aux lettres|de réception)",
            r"(?:abonnez|inscrivez)-vous (?:gratuitement )?à (?:la|notre|nos|cette) newsletter",
            r"(?:téléchargez|télécharger) (?:gratuitement )?(?:l'|notre |nos )appli",
        ),
        examples=(
            "Inscrivez-vous à notre newsletter",
            "Sign up for our daily newsletter",
            "Codziennie rano wieści z portu. Zapisz się do newslettera!",
            "Follow us on Facebook",
            "You can also follow us on Instagram and X and download the app",
            "Folge uns auf Facebook",
            "Create an account or sign in to continue with your reading experience.",
            "Lust auf mehr? Melde dich für unseren Newsletter an!",
            "Werden Sie Mitglied und lesen Sie mit.",
            "Hat dir dieser Artikel gefallen? Dann unterstütze uns!",
        ),
    ),
    PhraseRule(
        "share",
        wholes=(
            r"(?:partager|partagez|share|teilen|compartir|condividi|compartilhar|delen|dela|del|imprimer|print|copy "
            r"link|copier le lien|bookmark|save)"
            r"(?: (?:this|sur|on|cet|auf|en|via|par|by|with)\b.{0,40})?",
            rf"(?:share on |partager sur )?{_NETWORKS}(?:\W+{_NETWORKS})*",
            r"(?:comments?|commentaires?|kommentare|kommentarer|comentarios|comentários|commenti|commenta|réagir|"
            r"commenter|reacties|komentarze|komentáře|yorumlar|комментарии|коментарі|σχόλια)(?:\s*\(?\d*\)?)?",
            r"(?:\d+ )?(?:comments?|commentaires?|kommentare?|comentarios?|comentários?|commenti|reacties|shares?|"
            r"partages?|views?|vues|bilder|photos?)",
            r"(?:bild|photo|image|foto) \d+ (?:von|of|sur|de|di) \d+",
            r"(?:(?:partager|share|teilen|facebook|twitter|x|whatsapp|linkedin|e-?mail|mail|url|imprimer|print|drucken|"
            r"copier|copy|lien|link|enregistrer|save|merken|offrir|cet article|l'article|envoyer)(?:\W+|$)){3,}",
            r"(?:écouter|listen|anhören)(?: (?:l'article|cet article|to this article|to article))?(?:\s*\d+.{0,12})?",
            r"(?:add|ajouter)\b.{0,60}(?:google|favou?rites?|favoris|preferred source)\b.{0,30}",
            r"(?:lecture|temps de lecture|reading time|lesezeit|lesedauer|tiempo de lectura)\b.{0,25}",
            r"\d+ (?:min(?:ute)?s?|minuten|minutos)(?: de)? (?:read|lecture|lesezeit|lectura)",
            r"(?:à |at |um |le |- )*\d{1,2}\s?[:h.]\s?\d{2}(?: (?:uhr|pm|am|gmt|bst|est))?",
            r"tell us what you think\W*",
            r"what do you think\?.{0,60}comments?.{0,30}",
        ),
        examples=("Partager cet article", "Share on Facebook", "3 min read"),
    ),
    PhraseRule(
        "ad",
        wholes=(
            r"(?:advertisement|advertising|publicité|publicités|anzeige|werbung|publicidad|pubblicità|publicidade|"
            r"advertentie|annonse|annons|reklam[ae]?|sponsored|sponsorisé|story continues below(?: advertisement)?|"
            r"article continues below(?: advertisement)?|continue reading below|la suite après (?:la|cette) "
            r"publicité|this advertisement has not loaded yet.*|scroll to continue)\W*",
        ),
        starts=(
            r"(?:article|story) continues (?:below|after)",
            r"(?:lire )?la suite (?:de (?:cet |l'\s?|votre |ce )(?:article|contenu) )?(?:est )?après (?:la|cette) "
            r"(?:publicité|pub|vidéo|annonce)\b",
            r"(?:der )?(?:artikel|text|beitrag) (?:wird nach|geht nach|geht unter)\b[^.]{0,40}(?:fortgesetzt|weiter)",
            r"(?:la noticia|el artículo) continúa (?:después|debajo)|continua (?:após|depois d)a publicidade",
            r"(?:l'articolo )?continua (?:a leggere )?(?:sotto|dopo) la pubblicità|(?:tekst|artikel) (?:gaat|loopt) "
            r"(?:verder|door) onder",
            r"(?:artiklen|artikkelen|artikeln|saken|texten) (?:fortsætter|fortsetter|fortsätter) (?:efter|etter|under)",
            r"(?:dalsza część|ciąg dalszy) (?:artykułu|tekstu)|reszta (?:artykułu|tekstu) pod|článek pokračuje|juttu "
            r"jatkuu|a cikk (?:a hirdetés után )?folytatódik|продолжение (?:статьи )?после рекламы|haberin devamı",
        ),
        shouts=("ADVERTISEMENT", "PUBLICITÉ", "ANZEIGE", "WERBUNG", "PUBLICIDAD", "PUBBLICITÀ", "SPONSORED"),
        examples=(
            "Publicité",
            "ADVERTISEMENT",
            "La suite après la publicité",
            "Lire la suite après cette vidéo",
            "La suite de votre contenu après cette annonce",
            "Dalsza część artykułu pod materiałem wideo",
        ),
    ),
    PhraseRule(
        "rights",
        starts=(
            r"(?:©|\(c\)|copyright\b)(?=.{0,160}$|.*(?:rights|droits|rechte|derechos|diritti|property|permission|reproduc|redistribut))",
            r"(?:all rights reserved|tous droits (?:de reproduction )?réservés|alle rechte "
            r"vorbehalten|todos los derechos|tutti i diritti)",
            r"(?:免责声明|免責聲明|版权声明|版權聲明)\W*[:：】]|凡(?:本[网站]|注明|註明)[^。]{0,60}(?:来源|來源|作品)",
            r"(?:reproduction (?:interdite|rights)|this material may not be published|cet article (?:est|a été) "
            r"(?:repris|publié) (?:à partir|automatiquement))",
        ),
        examples=("© 2024 Agence", "Tous droits réservés", "免责声明：本文仅代表作者个人观点"),
    ),
    PhraseRule(
        "signature",
        starts=(
            r"\(?(?:additional |with )?(?:reporting|writing) by [a-z][^.]{3,300}(?:[.;)]|$)",
            r"our standards: the",
            r"original-content von\b",
            r"mit (?:agentur)?material(?: (?:von|der|des)\b.{0,40})?\.?$",
        ),
        holds=(r"contributed (?:to this (?:report|story|article)|reporting(?: from [^.]{2,60})?)\W*$",),
        examples=(
            "Reporting by Jane Roe in Lagos; Editing by John Doe",
            "Jane Roe of the foreign desk contributed to this report.",
            "Jane Roe contributed reporting from Lagos.",
            "Mit Agenturmaterial.",
            "Original-Content von: Hafenamt, übermittelt durch die Agentur",
        ),
    ),
    PhraseRule(
        "credit",
        starts=(
            r"(?:photos?|images?|crédits?|credits?|fotos?|bild(?:er)?|picture|source photo|illustration|vidéo|video|"
            r"cover photo|featured image|header image|beitragsbild|titelbild|symbolbild|image illustrative)"
            r"(?: (?:credits?|by|crédits?|photos?|images?|de couverture|d'illustration|à la une|"
            r"courtesy))?\s*[:©/]",
        ),
        wholes=(
            r"(?:crédit|credit|photo|foto|image)s?(?: (?:by|par|von|d'illustration|d'archives|courtesy|afp|ap|getty|"
            r"reuters|dpa|epa|sipa|imago|archives?|credits?|crédits?|source)\b.{0,60}|)",
            r"\(?(?:getty|shutterstock|istock|unsplash|adobe stock)\b.{0,40}",
        ),
        examples=("Photo : agence", "Credit: Getty Images", "Beitragsbild: Hafenamt"),
    ),
    PhraseRule(
        "credit",
        wholes=(
            r".{10,220}(?<![\d.])\s©\s?[^.!?]{2,60}",
            r".{10,220}\s(?:foto|photo|ljósmynd|ảnh|foto's|bild)\s?[:/]\s?[^.!?]{2,60}",
            r".{10,240}\((?:photos?|fotos?|crédits?|credits?|image|bild)\s[^).]{2,50}\)",
        ),
        signs=("©", "foto", "photo", "ljósmynd", "ảnh", "bild", "(crédit", "(credit", "(image"),
        examples=(
            "Le port, dimanche matin, avant la tempête (Photo Anna Penn)",
            "The lock on a clear day in May © Anna Penn",
            "Le port, dimanche matin. Photo : Anna Penn",
        ),
    ),
    PhraseRule(
        "meta",  # what WordPress puts below the text in feeds
        starts=(
            r"(?:the post|l'article|l'articolo|der beitrag|la entrada|o post|het bericht|artykuł)\b.{3,220}"
            r"(?:appeared first on|est apparu en premier sur|proviene da|erschien zuerst auf|(?:se publicó|apareció) "
            r"primero en|apareceu primeiro em|verscheen eerst op|pochodzi z serwisu)\b",
        ),
        examples=(
            "The post The harbour is shut appeared first on The Gazette.",
            "L'article Le port est fermé est apparu en premier sur La Gazette.",
            "Der Beitrag Der Hafen ist zu erschien zuerst auf Hafenblatt.",
        ),
    ),
    PhraseRule(
        "embed",  # what a page shows of a post, a film or a recording before its scripts ran
        wholes=(
            r"https?://(?:www\.|m\.|pic\.)?(?:twitter|x|instagram|facebook|youtube|youtu|tiktok|vimeo|threads)\.(?:com|be|net)"
            r"/\S+",
            r"https?://\S+\.(?:mp3|mp4|m3u8|jpe?g|png|gif|webp)",
        ),
        signs=("://",),
        examples=("https://twitter.com/jr/status/1522266202730639361", "https://media.example/2026/05/interview.mp3"),
    ),
    PhraseRule(
        "contact",
        starts=(
            r"(?:get in touch with|contact (?:us|our|staff writer|the (?:author|reporter))|have (?:a|you got a) (?:tip|"
            r"story)|do you have (?:a|any) (?:story|tip|information)|got a (?:tip|story)|email us|write to us|"
            r"écrivez-nous|vous avez (?:une information|un témoignage)|"
            r"(?:si )?vous avez (?:des informations|un scoop|une (?:exclusivité|histoire))\b[^.?]{0,120}"
            r"(?:partager|transmettre|communiquer|confier|raconter|intéresser|contactez))\b",
            r"(?:are|is|was|were|have|has|did|do|does)\b[^?]{3,120}\? (?:get in touch|contact|e-?mail us|let us know)",
            rf"reach [^.]{{3,80}} (?:on|via) {_NETWORKS}\b(?: (?:at|via)\b|:| ?@| ?https?|\W*$)",
            r"if you (?:have|know|spot)\b[^.]{0,80}(?:contact us|get in touch|let us know|email)",
            r"vous avez repéré une (?:coquille|erreur)",
        ),
        holds=(
            r"can be reached at\b",
            r"(?:may|can) be (?:contacted|emailed) at\b",
            r"follow (?:him|her|them|me) (?:on|@)",
            r"(?:нажмите|натисніть|press)\W+ctrl\W+enter",
            r"haben (?:sie )?(?:hinweise|informationen) zu[^?]{2,80}\? (?:melden|schreiben|kontaktieren)\b",
        ),
        examples=(
            "Have a tip? Write to us",
            "Vous avez un scoop à nous transmettre?",
            "Jane Roe can be reached at jane@example.org",
            "Если вы заметили ошибку, выделите её и нажмите Ctrl+Enter",
            "Was the lock shut where you live? Get in touch at desk@example.org",
            "Reach the reporters on X at https://x.com/jr",
            "Sie arbeiten am Hafen und haben Hinweise zu der Schleuse? Melden Sie sich vertraulich.",
        ),
    ),
    PhraseRule(
        "button",
        wholes=(
            r"(?:read more|lire la suite|lire plus|weiterlesen|mehr anzeigen|show more|load more|voir plus|afficher "
            r"plus|see all|view all|voir tout|continue reading|expand|close|fermer|menu|search|back to top|haut de "
            r"page|next|previous|suivant|précédent|play|watch|embed|trending|top stories|current issue|popular|most "
            r"read|les plus lus|meistgelesen|lo más leído|i più letti|tags?|topics?|themen|temas|sujets|thèmes|"
            r"mots[- ]clés|bild (?:anzeigen|vergrößern|schließen)(?: bild schließen)?|"
            r"sur le même sujet|à la une|dernières actualités|latest(?: news)?|recommended|related|"
            r"similar articles|article|artikel|artículo|článek|loading\W*|chargement\W*|actualisation automatique|"
            r"the video will auto-?play soon.{0,12}|ce direct est terminé|live updates?|updates automatically|"
            r"about the authors?|über (?:den autor|die autorin|die autoren)|à propos (?:de l'auteure?|des auteurs)|"
            r"sobre (?:el autor|la autora|o autor)|sull'autore|l'autore|over de auteur|o autorze|об авторе)\W*",
        ),
        examples=("Lire la suite", "Load more", "Bild anzeigen Bild schließen", "Über den Autor"),
    ),
    PhraseRule(
        "paywall",
        starts=(
            r"(?:do konce )?(?:pozostało|zbývá|zostáva)\b[^.%]{0,30}\d\s?% (?:artykułu|tekstu|článku|textu)",
            r"残り\s?[\d,]+\s?文字",
        ),
        holds=(
            r"il vous reste [\d.,]+\s?% (?:de cet article|à (?:lire|découvrir))",
            r"la suite (?:de (?:cet|l')\s?article )?est réservée",
            r"(?:cet article|ce contenu|la lecture|l'intégralité)[^.]{0,20} (?:est )?réservée? (?:aux|à nos) abonné",
            r"(?:article|contenu) réservé (?:aux|à nos) abonnée?·?(?:\.e\.)?s?\W*(?:$|il vous)",
            r"pour (?:lire|accéder à|poursuivre|continuer) (?:la suite|l'intégralité|la lecture|l'article|cet article)",
            r"subscribe (?:now )?to (?:continue|read|unlock|get)",
            r"to continue reading",
            r"already a subscriber",
            r"(?:vous êtes )?déjà abonné",
            r"(?:weiterlesen|lesen sie weiter) mit",
            r"jetzt (?:weiterlesen|testen|abonnieren|kostenlos)",
            r"para seguir leyendo",
            r"(?:contenido|artículo) (?:exclusivo|solo) para (?:suscriptores|socios)",
            r"abonnez-vous pour (?:lire|accéder|profiter)",
            r"this (?:article|content|story) is (?:for (?:\w+ )?(?:subscribers|members)|reserved|only available|"
            r"exclusive)",
            r"exklusiv für (?:abonnenten|plus)",
            r"contenuto riservato agli abbonati",
            r"profitez de (?:tous nos|l'intégralité|nos articles)",
            r"(?:this is (?:a )?|^)(?:subscriber|members?)[- ]only (?:content|article)",
            r"create a free account to (?:read|continue)",
            r"unlock (?:this|the full) (?:article|story)",
            r"free (?:articles?|trial) (?:left|remaining)",
            r"kennen sie schon unsere plus-inhalte",
        ),
        examples=(
            "Il vous reste 85 % de cet article à lire.",
            "Subscribe to continue reading",
            "Pozostało jeszcze 85% artykułu do przeczytania",
            "残り1234文字",
        ),
    ),
)


# Part of every `holds` pattern's words, in lower case: most paragraphs have none, and searching patterns is dear.
TRIGGERS = (
    "abonn", "inscrivez", "dans votre bo", "télécharge",
    "subscri", "newsletter ", "sign up", "ed at", "follow ", "reste ", "reserv", "réserv", "riserv",
    "la suite", "pour lire", "pour acc", "pour poursuivre", "pour continuer", "continue reading", "weiter", "jetzt ",
    "leyendo", "lusiv", "para s", "this article", "this content", "this story", "this report", "profitez",
    "only ", "free ", "unlock", "plus-inhalte", "contributed ", "hinweise zu", "informationen zu", "ctrl", "zapisz s",
)  # fmt: skip
