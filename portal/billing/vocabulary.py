"""The words of offers and of organizations in French and English, and what each does in a name (pure).

Words stand without accents and in small letters, as `names.fold` leaves them. One line is one token: what is compared,
then the ways to write it.
"""

from __future__ import annotations

from collections.abc import Iterator

from portal.billing.names import Role, Vocabulary


def _table(text: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Lines of "token token: a way to write it, another"."""
    return dict(_lines(text))


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    for line in text.strip().splitlines():
        tokens, _, ways = line.partition(":")
        for way in ways.split(","):
            yield tuple(way.split()), tuple(tokens.split())


def _roles(text: str) -> dict[str, Role]:
    """Lines of "role: word word"."""
    return {
        word: Role(role)
        for role, _, words in (line.partition(":") for line in text.split("\n"))
        for word in words.split()
    }


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OFFER_PHRASES = """
m365: m365, microsoft 365, ms 365, ms365, microsoft m365
o365: o365, office 365, ms office 365, microsoft office 365, office365, microsoft o365
d365: d365, dynamics 365, microsoft dynamics 365, ms dynamics 365
w365: w365, windows 365, microsoft windows 365
m365 business basic: m365 bb, m365 basic, microsoft 365 basic
m365 business standard: m365 bs, m365 standard, m365 std, microsoft 365 standard
m365 business premium: m365 bp, m365 premium, m365 prem, microsoft 365 premium
p1: p1, plan 1, plan1
p2: p2, plan 2, plan2
p3: p3, plan 3, plan3
microsoft: microsoft, ms, msft, mcsft
entra: entra id, entra, azure ad, aad, azure active directory, azure ad premium, azure active directory premium
exchange: exchange online, exchange, exch, exch online, exo
sharepoint: sharepoint, sharepoint online, share point, spo
powerbi: power bi, powerbi, pbi
onedrive: one drive, onedrive
teams phone: teams phone, telephone teams, telephonie teams, teams telephonie
business: business, bus, biz, affaires, affaire, pme
enterprise: enterprise, ent, entr, entreprise, entreprises, grandes entreprises, grande entreprise
frontline: frontline, premiere ligne
basic: basic, base, de base
standard: standard, std, stand
premium: premium, prem
essentials: essentials, essential, essentiel, essentiels, essentielle, ess
advanced: advanced, adv, avance, avancee, avances
pro: pro, professional, professionnel, professionnelle
complete: complete, complet
control: control, controle
plus: plus
annual: annual, annually, yearly, annuel, annuelle, annuels, annuelles, annuellement, un an, 1 an, one year, 1 year
annual: 1 yr, year, an, 12 mois, 12 months, 12 month, p1y, par an, per year
monthly: monthly, mensuel, mensuelle, mensuels, mensuelles, mensuellement, mois, month, 1 month, 1 mois, p1m
monthly: par mois, per month
triennial: triennial, triennal, triennale, 3 ans, trois ans, 3 year, 3 years, three year, 36 mois, 36 months, p3y
nonprofit: nonprofit, non profit, obnl, osbl, npo, sans but lucratif, organisme sans but lucratif, non lucratif
education: education, edu, academic, scolaire, enseignement
faculty: faculty, enseignants
student: student, students, etudiant, etudiants
government: government, gov, gouvernement, gcc
trial: trial, essai
addon: addon, add on, complement, module complementaire, complementaire, extension
licence: licence, licences, license, licenses, lic, licensing
user: user, users, utilisateur, utilisateurs, util, usager, usagers, par utilisateur, per user, par usager, seat
user: seats, siege, per seat
peruser: par poste, per device, par boite, per mailbox, par appareil, per endpoint, per workstation
mailbox: mailbox, mailboxes, boite, boites, boite aux lettres, boite courriel, bal
server: server, servers, serveur, serveurs, srv, svr
workstation: workstation, workstations, poste, postes, poste de travail, postes de travail, wks
vm: vm, vms, machine virtuelle, machines virtuelles, virtual machine, virtual machines
device: device, devices, appareil, appareils
gb: gb, go, gig, gigaoctet, gigabyte
tb: tb, teraoctet, terabyte, par to, per tb
email: email, emails, e mail, mail, courriel, courriels, messagerie
backup: backup, backups, back up, sauvegarde, sauvegardes, data protection, protection des donnees
security: security, securite, secu
online: online, en ligne
archive: archiving, archive, archivage, archives
encryption: encryption, chiffrement, cryptage
training: training, formation
awareness: awareness, sensibilisation
storage: storage, stockage
edr: edr, endpoint detection and response, endpoint detection & response, endpoint detection response
edr: detection et reponse, detection et reponse sur poste
mdr: mdr, managed detection and response, managed detection & response, detection et reponse gerees
xdr: xdr, extended detection and response
endpoint: endpoint, endpoints, terminal, terminaux, point de terminaison
apps: apps, app, applications, application
domain: domain, domaine, domain name, nom de domaine, domain names
fee: fee, fees, frais
setup: setup, set up, mise en service, installation
hosted: hosted, hosting, hebergement, heberge, hebergee, hebergees
voice: voice, telephonie, voip
phone: phone, telephone
number: number, numero, did
firewall: firewall, pare feu, parefeu
antispam: antispam, anti spam, antipourriel, anti pourriel
password: password, mot de passe, mots de passe, passwords
manager: manager, gestionnaire
managed: managed, gere, geree, gerees, geres
usage: usage, consommation, consumption, utilisation
certificate: certificate, certificat, ssl certificate, certificat ssl
recovery: recovery, reprise, recuperation
disaster recovery: disaster recovery, reprise apres sinistre, dr, releve
sentinelone: sentinelone, sentinel one, s1, singularity, sentinelone singularity, sentinel one singularity
proofpoint: proofpoint, proof point, pfpt
bitdefender: bitdefender, bit defender
trendmicro: trendmicro, trend micro
google workspace: google workspace, g suite, gsuite
remote desktop: remote desktop, bureau a distance, rds
call: calling, call, appel, appels
room: rooms, room, salle, salles
cloud: cloud, infonuagique, nuage, infonuagiques
service: service, services
support: support, soutien
technical: technical, technique
"""

_OFFER_ROLES = _roles(
    """
family: m365 o365 d365 w365
maker: microsoft acronis veeam proofpoint sentinelone bitdefender sophos fortinet datto webroot eset kaspersky
maker: trendmicro barracuda mimecast crowdstrike cisco google adobe aws amazon vmware godaddy hornetsecurity
maker: malwarebytes nable connectwise kaseya watchguard
grade: basic standard premium essentials advanced pro starter complete control core foundation ultimate plus elite
grade: beginner gold silver bronze small medium large unlimited lite light express viewer reader kiosk
segment: business enterprise frontline
special: nonprofit education faculty student government trial addon promo legacy donation renewal overage
term: annual monthly triennial
unit: server workstation vm device mailbox gb tb mb host nas mobile
soft: licence user peruser online cloud service subscription abonnement billing billed facturation facture facturee
soft: commitment engagement term terme nce csp plan forfait new commerce suite software logiciel logiciels
soft: logicielle solution via prix mensualite renouvellement paiement payment recurrent recurring hosted usage
soft: staff pricing tarif price hour heure heures
"""
)

OFFERS = Vocabulary(
    phrases=_table(_OFFER_PHRASES),
    roles=_OFFER_ROLES,
    stop=_words("for pour de du des d le la les l the of with avec et and & a au aux en per par to sur in by un une"),
    longest=31,
    implied={
        "defender": "microsoft",
        "exchange": "microsoft",
        "sharepoint": "microsoft",
        "onedrive": "microsoft",
        "teams": "microsoft",
        "intune": "microsoft",
        "entra": "microsoft",
        "visio": "microsoft",
        "powerbi": "microsoft",
        "copilot": "microsoft",
        "azure": "microsoft",
        "m365": "microsoft",
        "o365": "microsoft",
        "d365": "microsoft",
        "w365": "microsoft",
        "gravityzone": "bitdefender",
        "workspace": "google",
        "acrobat": "adobe",
        "creative": "adobe",
        "meraki": "cisco",
        "falcon": "crowdstrike",
    },
    is_company=False,
)

_COMPANY_PHRASES = """
saint: st, saint, s t
sainte: ste, sainte
clinique: clinique, clinic, clin
dentaire: dentaire, dental, dentaires, dent
pharmacie: pharmacie, pharmacy, pharma, pharmacies
ecole: ecole, school, ecoles
universite: universite, university, univ
college: college, cegep
centre: centre, center, ctr
groupe: groupe, group, grp, gr
gestion: gestion, gestions, management, mgmt
entreprises: entreprises, entreprise, enterprises, enterprise, ent, entr
services: services, service, serv, svc
construction: construction, constructions, const, constr
plomberie: plomberie, plumbing, plomb
electrique: electrique, electric, electricite, electrical, elect
transport: transport, transports, transportation, trucking, camionnage
boulangerie: boulangerie, bakery
garage: garage, auto, autos, automobile, automobiles
mecanique: mecanique, mechanical, mechanics
restaurant: restaurant, resto, restaurants, rest
hotel: hotel, hotels
avocats: avocats, avocat, lawyers, law, legal, avocates
notaires: notaires, notaire, notaries, notary
comptables: comptables, comptable, cpa, accounting, accountants, comptabilite
immobilier: immobilier, immobiliere, immobiliers, realty, immeubles, properties, immo
veterinaire: veterinaire, veterinary, vet, veterinaires
assurances: assurances, assurance, insurance, ass
consultants: consultants, consulting, consultation, conseil, conseils, consultant, conseillers
technologies: technologies, technologie, technology, tech, techno, techs
distribution: distribution, distributions, distributors, distributeurs, dist
industries: industries, industrie, industry, industriel, industrielle, ind
associes: associes, associates, assoc, associe, associees
fils: fils, sons, son, et fils
freres: freres, bros, brothers, frere
fondation: fondation, foundation
association: association, asso
municipalite: municipalite, municipality, mun
ville: ville, city, town
ferme: ferme, farm, farms, fermes
cooperative: cooperative, coop, co op
architectes: architectes, architecte, architects, architecture, arch
ingenierie: ingenierie, engineering, ing
medical: medical, medicale, medicaux, medicales
imprimerie: imprimerie, printing, printers, impressions, impression
paysagement: paysagement, paysagiste, paysagistes, landscaping
toitures: toitures, toiture, roofing, couvreur, couvreurs
logistique: logistique, logistics
aliments: aliments, foods, food, alimentation
meubles: meubles, furniture
equipements: equipements, equipment, equipement
solutions: solutions, solution
investissements: investissements, investments, placements
bibliotheque: bibliotheque, library
eglise: eglise, church
residence: residence, residences
theatre: theatre
canada: canada, canadien, canadian
quebec: quebec, qc
montreal: montreal, mtl, mtrl
troisrivieres: trois rivieres
nord: nord, north
sud: sud, south
est: est, east
ouest: ouest, west
branch: succursale, branch
division: division, div
headoffice: siege social, head office, siege, hq
nonprofit: obnl, osbl
cpe: cpe, centre de la petite enfance, centre petite enfance
mrc: mrc, municipalite regionale de comte
css: css, centre de services scolaire
"""

_COMPANY_ROLES = _roles(
    """
soft: headoffice branch division
soft: groupe gestion entreprises services solutions associes international holdings holding nonprofit fils freres
soft: compagnie corporation limitee canada co inc ltee ltd enr old ancien bureau office equipe team chez
trade: clinique dentaire pharmacie ecole universite college centre construction plomberie electrique transport
trade: boulangerie garage mecanique restaurant hotel avocats notaires comptables immobilier veterinaire assurances
trade: consultants technologies distribution industries fondation association municipalite ville ferme cooperative
trade: architectes ingenierie medical imprimerie paysagement toitures logistique aliments meubles equipements
trade: investissements bibliotheque eglise residence theatre cafe bistro auberge studio atelier ateliers garderie
trade: fromagerie boucherie patisserie epicerie marche salon coiffure spa fleuriste quincaillerie menuiserie
trade: ebenisterie excavation peinture chauffage ventilation climatisation optique librairie editions productions
trade: media medias communications marketing design informatique logiciels software securite nettoyage entretien
trade: demenagement location recyclage mines foresterie pepiniere jardin jardins vignoble brasserie microbrasserie
trade: dentisterie physio physiotherapie chiropratique psychologie musee festival club camping golf aluminerie
trade: commission scolaire syndicat caisse banque bank produits fruits traiteur catering manufacturing fabrication
trade: usinage soudure acier bois cpe mrc css portes fenetres courtage chantier
place: quebec montreal laval gatineau sherbrooke levis longueuil saguenay troisrivieres toronto ottawa vancouver
place: calgary edmonton winnipeg halifax moncton ontario alberta manitoba beauport brossard terrebonne repentigny
place: granby drummondville rimouski chicoutimi joliette mirabel blainville boucherville chambly victoriaville
place: mississauga london hamilton kingston nord sud est ouest centreville downtown
place: estrie mauricie outaouais beauce monteregie laurentides lanaudiere gaspesie charlevoix abitibi
place: maritimes atlantique atlantic pacific pacifique usa us france europe
"""
)

_LEGAL = {
    "inc": "inc",
    "incorporee": "inc",
    "incorporated": "inc",
    "ltee": "ltd",
    "ltd": "ltd",
    "limitee": "ltd",
    "limited": "ltd",
    "lte": "ltd",
    "llc": "llc",
    "llp": "llp",
    "sencrl": "llp",
    "srl": "llp",
    "sencrlsrl": "llp",
    "senc": "senc",
    "sec": "lp",
    "lp": "lp",
    "corp": "corp",
    "corporation": "corp",
    "co": "co",
    "company": "co",
    "cie": "co",
    "compagnie": "co",
    "enr": "enr",
    "enrg": "enr",
    "sarl": "sarl",
    "sa": "sa",
    "sas": "sas",
    "gmbh": "gmbh",
    "plc": "plc",
    "canada": "",
}

ORGANIZATIONS = Vocabulary(
    phrases=_table(_COMPANY_PHRASES),
    roles=_COMPANY_ROLES,
    stop=_words("de du des d le la les l a au aux et and & of the en sur pour for"),
    legal=_LEGAL,
    articles=_words("le la les l the"),
    longest=41,
    is_company=True,
)

PUBLIC_DOMAINS = _words(
    "gmail googlemail hotmail outlook live msn yahoo ymail icloud me mac aol videotron sympatico bell cogeco rogers "
    "telus shaw protonmail proton gmx mail"
)
"""Where anyone may have an address: such a domain says nothing of a company."""
